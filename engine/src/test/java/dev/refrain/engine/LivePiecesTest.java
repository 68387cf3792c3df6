package dev.refrain.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.Savings;
import org.junit.jupiter.api.Test;

/** The format in which machines exchange pieces of a live stream. */
class LivePiecesTest {
    /** A provider may send a finish reason of any length. */
    @Test
    void aTextThatIsTooLongIsLeftOut() {
        for (int length : new int[] {0, 4096, 4097, 70_000}) {
            String reason = "\uffff".repeat(length);
            byte[] piece = LivePieces.end(true, new Savings(new AnswerFacts(null, 1, 2, 3, 4, reason), 5));
            AnswerFacts facts = new AnswerFacts(null, 1, 2, 3, 4, length > 4096 ? null : reason);
            assertThat(LivePieces.read(piece)).isEqualTo(new LivePieces.End(true, new Savings(facts, 5)));
        }
    }
}
