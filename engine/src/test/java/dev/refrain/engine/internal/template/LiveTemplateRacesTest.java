package dev.refrain.engine.internal.template;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.refrain.engine.Races;
import dev.refrain.engine.spi.EntryBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;

/** In any interleaving, a reader of a growing stream sees all events, whole and in order. */
class LiveTemplateRacesTest {
    private static final byte[] ID = new byte[Template.ID_LENGTH];
    private static final byte[] TIME = new byte[Template.TIME_LENGTH];
    private static final int EVENT = 4;

    private static void append(LiveTemplate live, int n) {
        byte[] event = ("e" + n + "\n\n").getBytes(US_ASCII);
        live.append(event, 0, 2, List.of());
        live.append(event, 2, EVENT, List.of());
    }

    private static String read(LiveReader reader, int times) {
        StringBuilder text = new StringBuilder();
        EntryBuffer piece = new EntryBuffer(64);
        for (int i = 0; i < times && reader != null; i++) {
            if (reader.read(piece, ID, TIME)) {
                text.append(new String(piece.bytes(), 0, piece.length(), US_ASCII));
                require(text.length() % EVENT == 0, "part of an event: " + text);
                require(reader.position() == text.length(), "a wrong position");
            }
        }
        return text.toString();
    }

    private static void require(boolean truth, String otherwise) {
        if (!truth) {
            throw new AssertionError(otherwise);
        }
    }

    @Test
    void aReaderSeesAllOfAStreamThatIsKept() {
        Races.check(() -> {
            LiveTemplate live = new LiveTemplate();
            LiveReader reader = live.reader();
            String[] early = {""};
            Races.together(
                    () -> {
                        for (int n = 0; n < 3; n++) {
                            append(live, n);
                            live.publish();
                        }
                    },
                    () -> early[0] = read(reader, 3));
            String all = early[0] + restOf(reader);
            require(all.equals("e0\n\ne1\n\ne2\n\n"), "not what was appended: " + all);
        });
    }

    @Test
    void aReaderGoesOnWhenTheBeginningIsForgotten() {
        Races.check(() -> {
            LiveTemplate live = new LiveTemplate();
            LiveReader reader = live.reader();
            String[] early = {"", ""};
            LiveReader[] late = new LiveReader[1];
            Races.together(
                    () -> {
                        append(live, 0);
                        live.publish();
                        append(live, 1);
                        live.forgetBeginning();
                        append(live, 2);
                        live.publish();
                    },
                    () -> early[0] = read(reader, 3),
                    () -> {
                        late[0] = live.reader();
                        early[1] = read(late[0], 2);
                    });
            String all = early[0] + restOf(reader);
            require(all.equals("e0\n\ne1\n\ne2\n\n"), "not what was appended: " + all);
            if (late[0] != null) {
                String others = early[1] + restOf(late[0]);
                require(others.equals(all), "a late reader got " + others);
            }
            require(live.reader() == null, "the beginning is still there");
            require(live.published() == all.length(), "published " + live.published());
        });
    }

    private static String restOf(LiveReader reader) {
        StringBuilder text = new StringBuilder();
        EntryBuffer piece = new EntryBuffer(64);
        while (reader.read(piece, ID, TIME)) {
            text.append(new String(piece.bytes(), 0, piece.length(), US_ASCII));
        }
        return text.toString();
    }
}
