package dev.refrain.engine;

import net.jpountz.lz4.LZ4Factory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The LZ4 implementation of this JVM: the native library, or Java code if that cannot be loaded (logged once). */
final class Lz4 {
    private static final Logger LOG = LoggerFactory.getLogger(Lz4.class);

    /** The safe decompressor of either implementation checks bounds. */
    static final LZ4Factory FACTORY = nativeOrSafe();

    private Lz4() {}

    private static LZ4Factory nativeOrSafe() {
        try {
            return LZ4Factory.nativeInstance();
        } catch (LinkageError | RuntimeException noNativeLibrary) {
            LOG.warn(
                    "The native library of LZ4 cannot be loaded, so answers are compressed and decompressed in Java, "
                            + "which is slower. It is unpacked into {} (java.io.tmpdir), which must exist and allow "
                            + "programs to run. Cause: {}",
                    System.getProperty("java.io.tmpdir"),
                    noNativeLibrary.toString());
            return LZ4Factory.safeInstance();
        }
    }
}
