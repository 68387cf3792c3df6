package dev.refrain.jmh;

import java.util.SplittableRandom;

/**
 * Prose that means nothing but compresses like a model's answer: LZ4 makes 4 KiB of it about 1.7 times smaller. All of it can
 * stand in a JSON string as it is.
 */
final class EnglishText {
    private static final String[] COMMON =
            ("the of and to in a is that for it as with on be this are by or an from not you can at"
                            + " which if have more but when there will one each other than into these some also may between only"
                            + " about should used because such most any both after then where how over before would")
                    .split(" ");
    private static final String[] OTHERS =
            ("account action address answer approach archive article attempt average balance"
                            + " battery benefit border branch budget button cache calendar capital carbon category century chance"
                            + " change chapter chemical choice circle citizen client climate column command comment common company"
                            + " complete concept concern condition connect consider contact contain content context contract control"
                            + " copper correct country course create culture current customer damage database decade decide default"
                            + " define degree deliver demand depend describe design detail device different direct discuss distance"
                            + " district document double effect electric element energy engine enough entire error estimate evening"
                            + " event evidence example except exchange exercise expect explain express extend factor failure family"
                            + " feature field figure finance follow force foreign formal forward freedom function future garden"
                            + " general government ground growth handle happen harbour health history however hundred imagine impact"
                            + " important include increase industry inform initial inside instance instead interest island journey"
                            + " justice keyboard kitchen knowledge language large latency library light limit literature local"
                            + " machine maintain manage market material matter measure medical member memory message method middle"
                            + " million minute model modern moment morning mountain movement museum music narrow nation nature"
                            + " nearly network normal northern notice number object observe obtain office often opinion option"
                            + " orange order organise original outcome packet paper parallel parent particular partner pattern people"
                            + " percent period person picture planet policy popular position possible pressure prevent previous price"
                            + " private probably problem process produce product profile project protect provide public purpose"
                            + " quality quarter question quick railway range rather reason receive recent record reduce reflect region"
                            + " regular related release remain remember remove replace report require research resource response"
                            + " result return review river rule sample scale school science season second section sensor separate"
                            + " sequence series server service several shape signal similar simple single small society software"
                            + " solution source southern special standard station storage street strong structure student subject"
                            + " success suggest summer support surface system table target teacher theory thought thread through"
                            + " ticket together total toward traffic travel treat tree typical under update usual valley value"
                            + " various vessel village visible volume water weather western whether window winter without wonder"
                            + " worker world writer yellow")
                    .split(" ");

    private EnglishText() {}

    /** Text of exactly the given length; the same for the same seed. */
    static String of(long seed, int length) {
        SplittableRandom random = new SplittableRandom(seed);
        StringBuilder text = new StringBuilder(length + 16);
        while (text.length() < length) {
            sentence(random, text);
            text.append(random.nextInt(5) == 0 ? "\\n\\n" : " ");
        }
        // A cut may leave half of an escape sequence behind.
        text.setLength(length);
        if (length > 0 && text.charAt(length - 1) == '\\') {
            text.setCharAt(length - 1, '.');
        }
        return text.toString();
    }

    private static void sentence(SplittableRandom random, StringBuilder text) {
        int start = text.length();
        int words = 6 + random.nextInt(14);
        for (int word = 0; word < words; word++) {
            if (word > 0) {
                text.append(random.nextInt(9) == 0 ? ", " : " ");
            }
            String[] from = random.nextInt(100) < 45 ? COMMON : OTHERS;
            // The smaller of two draws: earlier words come more often.
            text.append(from[Math.min(random.nextInt(from.length), random.nextInt(from.length))]);
        }
        text.setCharAt(start, Character.toUpperCase(text.charAt(start)));
        text.append('.');
    }
}
