package dev.refrain.http.upstream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.Unpooled;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Held bytes are returned unchanged, and take no more memory than allowed. */
class HeldBytesTest {
    private static final int MOST = 48 * 1024;

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
    void bytesComeOutAsTheyWentIn(long seed) {
        Random random = new Random(seed);
        HeldBytes held = new HeldBytes(MOST);
        ByteArrayOutputStream in = new ByteArrayOutputStream();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (int i = 0; i < 2000; i++) {
            byte[] more = new byte[random.nextInt(Math.min(20_000, MOST - held.size() + 1))];
            random.nextBytes(more);
            in.writeBytes(more);
            held.add(Unpooled.wrappedBuffer(more));
            assertThat(held.capacity()).isLessThanOrEqualTo(MOST);
            if (random.nextBoolean()) {
                ByteBuffer taken = held.take(random.nextInt(20_000));
                byte[] bytes = new byte[taken.remaining()];
                taken.get(bytes);
                out.writeBytes(bytes);
            }
        }
        ByteBuffer rest = held.take(MOST);
        byte[] bytes = new byte[rest.remaining()];
        rest.get(bytes);
        out.writeBytes(bytes);
        assertThat(out.toByteArray()).isEqualTo(in.toByteArray());
        assertThat(held.isEmpty()).isTrue();
        assertThat(held.capacity()).isZero();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, MOST})
    void noMoreIsHeldThanAllowed(int before) {
        HeldBytes held = new HeldBytes(MOST);
        held.add(Unpooled.wrappedBuffer(new byte[before]));
        assertThatThrownBy(() -> held.add(Unpooled.wrappedBuffer(new byte[MOST - before + 1])))
                .isInstanceOf(IllegalStateException.class);
        assertThat(held.size()).isEqualTo(before);
    }
}
