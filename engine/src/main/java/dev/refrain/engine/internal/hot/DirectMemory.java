package dev.refrain.engine.internal.hot;

import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.management.VMOption;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.lang.ref.WeakReference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Limits the direct memory of all rings in a JVM. Together they take at most a quarter of the JVM's limit, and only
 * while another quarter stays free for the host's own I/O. A request beyond these limits is refused at once, without a
 * garbage collection, and may be repeated. Thread-safe.
 *
 * <p>A returned block goes to the next ring that needs one of its size, unless the collector has freed it. Blocks are
 * never freed explicitly, because a thread may still be reading one.
 */
public final class DirectMemory {
    private static final Logger LOG = LoggerFactory.getLogger(DirectMemory.class);
    private static final DirectMemory OF_JVM = new DirectMemory(limitOfJvm(), usedOfJvm(), ByteBuffer::allocateDirect);

    private final long limit;
    private final LongSupplier used;
    private final IntFunction<ByteBuffer> allocator;

    // Guarded by this.
    private final List<WeakReference<ByteBuffer>> returned = new ArrayList<>();
    private long taken;
    private boolean failed;
    private boolean logged;

    /**
     * @param limit the JVM's limit of direct memory, in bytes
     * @param used returns the direct memory in use now, by rings and all other code, in bytes
     * @param allocator allocates a block
     */
    DirectMemory(long limit, LongSupplier used, IntFunction<ByteBuffer> allocator) {
        this.limit = limit;
        this.used = used;
        this.allocator = allocator;
    }

    /** The instance that all caches of this JVM share. */
    public static DirectMemory ofJvm() {
        return OF_JVM;
    }

    /** The JVM's limit: {@code -XX:MaxDirectMemorySize} if set, else the maximum heap size. */
    private static long limitOfJvm() {
        try {
            VMOption option = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class)
                    .getVMOption("MaxDirectMemorySize");
            if (option.getOrigin() != VMOption.Origin.DEFAULT) {
                return Long.parseLong(option.getValue());
            }
        } catch (RuntimeException | LinkageError otherVirtualMachine) {
            LOG.debug("The limit of direct memory is not known; the heap's is taken", otherVirtualMachine);
        }
        return Runtime.getRuntime().maxMemory();
    }

    private static LongSupplier usedOfJvm() {
        for (BufferPoolMXBean pool : ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class)) {
            if (pool.getName().equals("direct")) {
                return pool::getMemoryUsed;
            }
        }
        return () -> 0;
    }

    /** The largest number of bytes that all rings together may take. */
    public long share() {
        return limit / 4;
    }

    /** Bytes that rings have taken and not returned. */
    public synchronized long taken() {
        return taken;
    }

    /**
     * The memory that one of two rings gets: what it asks for, or proportionally less if both together ask for more
     * than the share.
     *
     * @param say whether to log, once, if the result is less
     * @return bytes for this ring
     */
    public long partOf(long asked, long askedByOther, boolean say) {
        long both = asked + askedByOther;
        if (both <= share()) {
            return asked;
        }
        if (say) {
            synchronized (this) {
                logOnce(both);
            }
        }
        return (long) (share() * ((double) asked / both));
    }

    /** Takes a block of zeros. Returns null if none can be granted now. */
    synchronized ByteBuffer take(int bytes) {
        ByteBuffer block = taken + bytes <= share() ? reuse(bytes) : null;
        if (block == null && taken + bytes <= share() && leavesRoom(bytes)) {
            block = allocate(bytes);
        }
        if (block == null) {
            logOnce(taken + bytes);
        } else {
            taken += bytes;
        }
        return block;
    }

    private boolean leavesRoom(int bytes) {
        return !failed && used.getAsLong() - idle() + bytes <= limit - limit / 4;
    }

    private ByteBuffer allocate(int bytes) {
        try {
            return allocator.apply(bytes).order(ByteOrder.nativeOrder());
        } catch (OutOfMemoryError e) {
            // The JVM collects garbage for half a second before it throws this error. So no other block is
            // ever allocated.
            failed = true;
            return null;
        }
    }

    private ByteBuffer reuse(int bytes) {
        for (int i = returned.size() - 1; i >= 0; i--) {
            ByteBuffer block = returned.get(i).get();
            if (block == null || block.capacity() == bytes) {
                returned.remove(i);
            }
            if (block != null && block.capacity() == bytes) {
                return block;
            }
        }
        return null;
    }

    /** Bytes of returned blocks that the collector has not freed yet. */
    private long idle() {
        long idle = 0;
        for (WeakReference<ByteBuffer> reference : returned) {
            ByteBuffer block = reference.get();
            idle += block == null ? 0 : block.capacity();
        }
        return idle;
    }

    /** Returns a block, which must be all zeros. Threads that still read it may see its next content. */
    synchronized void give(ByteBuffer block) {
        taken -= block.capacity();
        returned.add(new WeakReference<>(block));
    }

    private void logOnce(long wanted) {
        if (!logged) {
            logged = true;
            LOG.warn(
                    "Hot answers and known requests may take {} bytes outside the heap by the settings, and get less: "
                            + "all caches of a JVM together take at most {} bytes, a quarter of its direct memory, and "
                            + "leave a quarter of it free. To give them more, raise -XX:MaxDirectMemorySize (or "
                            + "-Xmx, if that is not set)",
                    wanted,
                    share());
        }
    }
}
