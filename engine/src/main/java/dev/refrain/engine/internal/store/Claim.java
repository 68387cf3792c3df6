package dev.refrain.engine.internal.store;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import javax.management.InstanceAlreadyExistsException;
import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import javax.management.StandardMBean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes sure that a store's file is open only once in this JVM: closing a second channel of the lock file would release
 * the locks of the first (see {@link LockFile}). The claim is an MBean, because all class loaders share the JVM's
 * registry of MBeans. A system property would do as well, but could be mistaken for a setting.
 */
final class Claim {
    private static final Logger LOG = LoggerFactory.getLogger(Claim.class);

    private final ObjectName name;

    private Claim(ObjectName name) {
        this.name = name;
    }

    /** The attributes of the MBean. */
    public interface Open {
        /** The file. */
        String getFile();
    }

    private static MBeanServer jvm() {
        return ManagementFactory.getPlatformMBeanServer();
    }

    /**
     * Claims a file.
     *
     * @throws IOException if it is claimed already
     */
    static Claim of(Path file) throws IOException {
        try {
            ObjectName name = new ObjectName("dev.refrain:type=Store,file=" + ObjectName.quote(file.toString()));
            Open open = file::toString;
            jvm().registerMBean(new StandardMBean(open, Open.class), name);
            return new Claim(name);
        } catch (InstanceAlreadyExistsException e) {
            throw new IOException("The store " + file + " is already open in this process; share one cache", e);
        } catch (JMException e) {
            throw new IOException("The store " + file + " cannot be claimed for this process", e);
        }
    }

    /** Ends the claim, when the file is closed. */
    void release() {
        try {
            jvm().unregisterMBean(name);
        } catch (JMException e) {
            LOG.debug("A store's claim was gone already", e);
        }
    }
}
