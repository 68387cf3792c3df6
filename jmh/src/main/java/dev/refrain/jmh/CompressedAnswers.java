package dev.refrain.jmh;

import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** The answers of {@link ChatAnswers} as LZ4 blocks on the heap. */
@State(Scope.Benchmark)
public class CompressedAnswers {
    private final LZ4SafeDecompressor decompressor = LZ4Factory.nativeInstance().safeDecompressor();
    private byte[][] blocks;

    @Setup(Level.Trial)
    public void compress(Popularity popularity, ChatAnswers answers) {
        LZ4Compressor compressor = LZ4Factory.nativeInstance().fastCompressor();
        blocks = new byte[popularity.entries()][];
        for (int entry = 0; entry < blocks.length; entry++) {
            blocks[entry] = compressor.compress(answers.answer(entry));
        }
    }

    byte[] block(int entry) {
        return blocks[entry];
    }

    int decompress(byte[] block, byte[] into) {
        return decompressor.decompress(block, 0, block.length, into, 0, into.length);
    }
}
