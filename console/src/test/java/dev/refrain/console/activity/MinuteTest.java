package dev.refrain.console.activity;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

/** Counts of a minute in the formats of earlier versions. */
class MinuteTest {
    private static final int COUNTS_BEFORE = 11;

    @Test
    void aMinuteWithoutTheMoneySpentIsStillRead() {
        ByteBuffer old = ByteBuffer.allocate(1 + COUNTS_BEFORE * Long.BYTES + Integer.BYTES);
        old.put((byte) 1);
        for (int i = 1; i <= COUNTS_BEFORE; i++) {
            old.putLong(i * 1_000_000_000L);
        }
        old.putInt(0);
        Minute minute = new Minute();
        minute.add(old.array());
        TimeSeries.Point point = minute.toPoint(0);
        assertThat(point.requests().hit()).isEqualTo(1_000_000_000L);
        assertThat(point.moneySaved()).isEqualByComparingTo("11");
        assertThat(point.moneySpent()).isEqualByComparingTo("0");

        Minute again = new Minute();
        again.add(minute.encode());
        assertThat(again.toPoint(0)).isEqualTo(point);
        byte[] ofTheFuture = minute.encode();
        ofTheFuture[0] = 3;
        again.add(ofTheFuture);
        assertThat(again.toPoint(0)).isEqualTo(point);
    }
}
