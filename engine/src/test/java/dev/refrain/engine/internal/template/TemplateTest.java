package dev.refrain.engine.internal.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.internal.template.AnswerScanner.Condition;
import dev.refrain.engine.internal.template.AnswerScanner.Edit;
import dev.refrain.engine.internal.template.AnswerScanner.Kind;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class TemplateTest {
    private static final byte[] ID = Sample.ascii(Sample.ID);
    private static final byte[] TIME = Sample.ascii(Sample.TIME);

    @Test
    void placeholdersFarApartAndSideBySide() {
        // Distances on both sides of each varint length, and zero.
        for (int gap : new int[] {0, 1, 28, 29, 30, 53, 54, 8191, 8192, 1 << 20, (1 << 20) + 1}) {
            byte[] filler = new byte[gap];
            Arrays.fill(filler, (byte) '.');
            TemplateBuilder builder = new TemplateBuilder(16);
            builder.append(filler, 0, gap, List.of());
            builder.append(filler, 0, 0, List.of(new Edit(Kind.ID, 0, 0, Condition.ALWAYS)));
            builder.append(filler, 0, gap, List.of());
            builder.append(filler, 0, 0, List.of(new Edit(Kind.TIME, 0, 0, Condition.ALWAYS)));
            builder.append(filler, 0, 0, List.of(new Edit(Kind.TIME, 0, 0, Condition.ALWAYS)));
            String dots = ".".repeat(gap);

            assertThat(Sample.replay(builder.build(AnswerFacts.NONE)))
                    .isEqualTo(dots + Sample.ID + dots + Sample.TIME + Sample.TIME);
        }
    }

    @Test
    void aTemplateStaysAsItIsWhileItsBuilderGrows() {
        TemplateBuilder builder = new TemplateBuilder(1);
        byte[] text = Sample.ascii("abc");
        builder.append(text, 0, 3, List.of(new Edit(Kind.ID, 1, 2, Condition.ALWAYS)));
        Template early = builder.build(AnswerFacts.NONE);
        for (int i = 0; i < 1000; i++) {
            builder.append(text, 0, 3, List.of(new Edit(Kind.TIME, 0, 1, Condition.ALWAYS)));
        }

        assertThat(Sample.replay(early)).isEqualTo("a" + Sample.ID + "c");
        assertThat(Sample.replay(builder.build(AnswerFacts.NONE)))
                .isEqualTo("a" + Sample.ID + "c" + (Sample.TIME + "bc").repeat(1000));
    }

    @Test
    void patchingStaysWithinItsRange() {
        byte[] body = new byte[100];
        byte[] patches = {99, 0, 10 << 1, 99};
        Template.patch(patches, 1, 2, 2, body, 20, 45, ID, TIME);
        assertThat(new String(body, StandardCharsets.US_ASCII))
                .isEqualTo("\0".repeat(20) + Sample.ID.substring(0, 10) + Sample.ID + "\0".repeat(35));
    }

    @Test
    void patchingAllocatesNothing() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        byte[] body = new byte[100];
        byte[] patches = {0, 40 << 1 | 1};
        long before = threads.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < 10_000; i++) {
            Template.patch(patches, 0, 2, 2, body, 0, 100, ID, TIME);
        }
        // Less than a byte for each run, since the measurement itself allocates a few bytes.
        assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(10_000);
    }

    @Test
    void damagedTablesAreRefused() {
        byte[] justFits = {(byte) 0x82, 1};
        Template.patch(justFits, 0, 2, 1, new byte[100], 0, 100, ID, TIME);
        byte[] tooFar = {(byte) 0x84, 1};
        assertRefused(tooFar, 1, IndexOutOfBoundsException.class);
        byte[] huge = {-1, -1, -1, -1, 0x7F};
        assertRefused(huge, 1, IndexOutOfBoundsException.class);
        byte[] endless = {-1, -1, -1, -1, -1, 1};
        assertRefused(endless, 1, IllegalArgumentException.class);
        byte[] cut = {-1};
        assertRefused(cut, 1, IllegalArgumentException.class);
        assertRefused(new byte[0], 1, IllegalArgumentException.class);
        assertRefused(new byte[2], 1, IllegalArgumentException.class);
        assertRefused(new byte[1], 0, IllegalArgumentException.class);
        assertRefused(new byte[1], -1, IllegalArgumentException.class);
    }

    private static void assertRefused(byte[] patches, int count, Class<? extends Exception> expected) {
        assertThatThrownBy(() -> Template.patch(patches, 0, patches.length, count, new byte[100], 0, 100, ID, TIME))
                .isInstanceOf(expected);
    }

    @Test
    void argumentsAreChecked() {
        byte[] none = {};
        byte[] body = new byte[50];
        assertThatThrownBy(() -> Template.patch(none, 0, 1, 0, body, 0, 50, ID, TIME))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> Template.patch(none, 0, 0, 0, body, 1, 50, ID, TIME))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> Template.patch(none, 0, 0, 0, body, 0, 50, TIME, TIME))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Template.patch(none, 0, 0, 0, body, 0, 50, ID, ID))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void noDamageWritesOutside() {
        Random random = new Random(42);
        int refused = 0;
        for (int i = 0; i < 30_000; i++) {
            byte[] patches = new byte[random.nextInt(12)];
            random.nextBytes(patches);
            if (random.nextBoolean()) {
                for (int j = 0; j < patches.length; j++) {
                    patches[j] &= 0x3F;
                }
            }
            byte[] body = new byte[300];
            int offset = random.nextInt(100);
            int length = random.nextInt(200);
            try {
                Template.patch(
                        patches, 0, patches.length, random.nextInt(patches.length + 2), body, offset, length, ID, TIME);
            } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
                refused++;
            }
            for (int j = 0; j < body.length; j++) {
                if (body[j] != 0 && (j < offset || j >= offset + length)) {
                    throw new AssertionError("wrote at " + j + " outside " + offset + "+" + length);
                }
            }
        }
        assertThat(refused).isBetween(1, 29_999);
    }
}
