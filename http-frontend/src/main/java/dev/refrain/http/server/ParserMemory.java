package dev.refrain.http.server;

import io.undertow.server.ServerConnection;
import io.undertow.server.protocol.http.HttpServerConnection;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Wipes the buffers of Undertow's parser. They keep the header values of a request until the next one arrives, and so
 * may keep an API key while the connection is open (wire rule W15). Undertow has no method for this, so its private
 * fields are accessed by reflection. {@code KeptCredentialsIT} fails if a new version has other fields.
 */
public final class ParserMemory {
    private static final Logger LOG = LoggerFactory.getLogger(ParserMemory.class);
    /** Capacity in characters that each of a connection's three buffers may keep between two requests. */
    private static final int MOST_KEPT = 1024;

    private static final String PACKAGE = "io.undertow.server.protocol.http.";

    /** Null if this version of Undertow has other fields. */
    private static final ParserMemory INSTANCE = find();

    private final VarHandle listener;
    private final VarHandle state;
    private final VarHandle[] buffers;

    private ParserMemory() throws ReflectiveOperationException {
        Class<?> listenerType = Class.forName(PACKAGE + "HttpReadListener");
        Class<?> stateType = Class.forName(PACKAGE + "RequestState");
        listener = field(HttpServerConnection.class, "readListener", listenerType);
        state = field(listenerType, "state", stateType);
        buffers = new VarHandle[] {
            field(stateType, "parsedData", StringBuilder.class),
            field(stateType, "decodedData", StringBuilder.class),
            field(stateType, "canonicalPath", StringBuilder.class)
        };
    }

    private static VarHandle field(Class<?> of, String name, Class<?> type) throws ReflectiveOperationException {
        return MethodHandles.privateLookupIn(of, MethodHandles.lookup()).findVarHandle(of, name, type);
    }

    private static ParserMemory find() {
        try {
            return new ParserMemory();
        } catch (ReflectiveOperationException | RuntimeException e) {
            LOG.warn(
                    "Parts of API keys stay in memory for as long as their connections are open: {}. "
                            + "Use refrain.jar as it was built",
                    e.toString());
            return null;
        }
    }

    /**
     * Wipes the rest of a request that is over, and frees the memory of long fields. On the connection's I/O thread.
     */
    public static void wipe(ServerConnection connection) {
        if (INSTANCE != null && connection instanceof HttpServerConnection http) {
            INSTANCE.wipe(http);
        }
    }

    private void wipe(HttpServerConnection connection) {
        Object reader = listener.get(connection);
        if (reader != null) {
            Object left = state.get(reader);
            for (VarHandle buffer : buffers) {
                StringBuilder characters = (StringBuilder) buffer.get(left);
                // Setting the length to the capacity fills the buffer with zeros.
                characters.setLength(0);
                characters.setLength(characters.capacity());
                characters.setLength(0);
                if (characters.capacity() > MOST_KEPT) {
                    characters.trimToSize();
                }
            }
        }
    }
}
