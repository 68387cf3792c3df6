package dev.refrain.jmh;

import java.util.SplittableRandom;

/**
 * Generates prose without meaning, which repeats words as an answer on one subject does. LZ4 compresses JSON with it by
 * a factor of 1.25, 1.8 and 2.4 at 1, 4 and 32 KiB, much like pieces of READMEs of these lengths. The text needs no
 * escaping in a JSON string.
 */
public final class EnglishText {
    private static final String[] COMMON =
            ("the of and to in a is that for it as with on be this are by or an from not you can at which if have more "
                            + "but when there will one each other than into these some also may between only about "
                            + "should used because such most any both after then where how over before would")
                    .split(" ");
    private static final String[] OTHERS =
            ("account action address answer approach archive article attempt average balance battery benefit border "
                            + "branch budget button cache calendar capital carbon category century chance change "
                            + "chapter chemical choice circle citizen client climate column command comment common "
                            + "company complete concept concern condition connect consider contact contain content "
                            + "context contract control copper correct country course create culture current customer "
                            + "damage database decade decide default define degree deliver demand depend describe "
                            + "design detail device different direct discuss distance district document double effect "
                            + "electric element energy engine enough entire error estimate evening event evidence "
                            + "example except exchange exercise expect explain express extend factor failure family "
                            + "feature field figure finance follow force foreign formal forward freedom function "
                            + "future garden general government ground growth handle happen harbour health history "
                            + "however hundred imagine impact important include increase industry inform initial "
                            + "inside instance instead interest island journey justice keyboard kitchen knowledge "
                            + "language large latency library light limit literature local machine maintain manage "
                            + "market material matter measure medical member memory message method middle million "
                            + "minute model modern moment morning mountain movement museum music narrow nation nature "
                            + "nearly network normal northern notice number object observe obtain office often opinion "
                            + "option orange order organise original outcome packet paper parallel parent particular "
                            + "partner pattern people percent period person picture planet policy popular position "
                            + "possible pressure prevent previous price private probably problem process produce "
                            + "product profile project protect provide public purpose quality quarter question quick "
                            + "railway range rather reason receive recent record reduce reflect region regular related "
                            + "release remain remember remove replace report require research resource response result "
                            + "return review river rule sample scale school science season second section sensor "
                            + "separate sequence series server service several shape signal similar simple single "
                            + "small society software solution source southern special standard station storage street "
                            + "strong structure student subject success suggest summer support surface system table "
                            + "target teacher theory thought thread through ticket together total toward traffic "
                            + "travel treat tree typical under update usual valley value various vessel village "
                            + "visible volume water weather western whether window winter without wonder worker world "
                            + "writer yellow")
                    .split(" ");

    private static final String[] PHRASES =
            ("in order to/for example/as well as/it is important to/make sure that/on the other hand/at the same "
                            + "time/one of the most/the number of/depends on the/in most cases/such as the/keep in "
                            + "mind that/there are several ways to/a good starting point is/if you want to/because of "
                            + "the/instead of the/the first step is to/you may need to")
                    .split("/");
    private static final int TERMS = 24;

    private EnglishText() {}

    /** Text of exactly the given length; the same for the same seed. */
    public static String of(long seed, int length) {
        SplittableRandom random = new SplittableRandom(seed);
        // The subject: terms that recur in the text.
        String[] terms = new String[TERMS];
        for (int i = 0; i < TERMS; i++) {
            terms[i] = i % 2 == 0 ? any(OTHERS, random) : any(OTHERS, random) + " " + any(OTHERS, random);
        }
        StringBuilder text = new StringBuilder(length + 256);
        while (text.length() < length) {
            sentence(random, terms, text);
            text.append(random.nextInt(5) == 0 ? "\\n\\n" : " ");
        }
        text.setLength(length);
        // A cut may leave half of an escape sequence behind.
        if (length > 0 && text.charAt(length - 1) == '\\') {
            text.setCharAt(length - 1, '.');
        }
        return text.toString();
    }

    private static void sentence(SplittableRandom random, String[] terms, StringBuilder text) {
        int start = text.length();
        int parts = 6 + random.nextInt(10);
        for (int part = 0; part < parts; part++) {
            if (part > 0) {
                text.append(random.nextInt(9) == 0 ? ", " : " ");
            }
            int kind = random.nextInt(100);
            text.append(any(kind < 40 ? COMMON : kind < 70 ? terms : kind < 85 ? OTHERS : PHRASES, random));
        }
        text.setCharAt(start, Character.toUpperCase(text.charAt(start)));
        text.append('.');
    }

    /** A random element. Takes the smaller of two indices, so that earlier elements are more frequent. */
    private static String any(String[] from, SplittableRandom random) {
        return from[Math.min(random.nextInt(from.length), random.nextInt(from.length))];
    }
}
