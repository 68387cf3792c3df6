package dev.refrain.engine.internal.template;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.refrain.engine.spi.EntryBuffer;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.L_Result;

/** A reader of a growing stream sees all events, whole and in order; so does a reader of its windows. */
@JCStressTest
@Outcome(id = "e0e1e2e3", expect = Expect.ACCEPTABLE, desc = "Everything, in order.")
@Outcome(expect = Expect.FORBIDDEN, desc = "Something is missing, torn, twice or too early.")
@State
public class LiveTemplatePublicationStress {
    private static final byte[] ID = new byte[Template.ID_LENGTH];
    private static final byte[] TIME = new byte[Template.TIME_LENGTH];

    private final LiveTemplate live = new LiveTemplate();
    private final LiveReader reader = live.reader();
    private final EntryBuffer piece = new EntryBuffer(16);
    private final StringBuilder seen = new StringBuilder();

    /** The provider's thread. */
    @Actor
    public void append() {
        append(0);
        live.publish();
        append(1);
        live.forgetBeginning();
        append(2);
        live.publish();
        append(3);
        live.publish();
    }

    private void append(int n) {
        live.append('e');
        live.append('0' + n);
    }

    /** A follower's thread. */
    @Actor
    public void read() {
        for (int i = 0; i < 4; i++) {
            readOnce();
        }
    }

    private boolean readOnce() {
        if (!reader.read(piece, ID, TIME)) {
            return false;
        }
        seen.append(piece.length() % 2 == 0 ? new String(piece.bytes(), 0, piece.length(), US_ASCII) : "torn");
        return true;
    }

    /** Reads the rest when both threads are done. */
    @Arbiter
    public void readRest(L_Result result) {
        while (readOnce()) {}
        result.r1 = seen.toString();
    }
}
