package dev.refrain.engine.internal.events;

import dev.refrain.engine.exchange.Endpoint;
import java.util.HexFormat;
import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** The storing of an answer. */
@Name("dev.refrain.Store")
@Label("Store")
@Category("Refrain")
@Description("An answer is compressed and put into the store")
@Enabled(false)
@StackTrace(false)
public final class StoreEvent extends Event {
    private static final StoreEvent PROBE = new StoreEvent();

    @Label("Endpoint")
    String endpoint;

    @Label("Key")
    String key;

    @Label("Stored")
    @Description("Whether there was room")
    boolean stored;

    @Label("Entry")
    @DataAmount
    int bytes;

    private StoreEvent() {}

    /** A running event, or null if no recording has enabled it. */
    static StoreEvent start() {
        if (!PROBE.isEnabled()) {
            return null;
        }
        StoreEvent event = new StoreEvent();
        event.begin();
        return event;
    }

    /** Ends the event. */
    public void finish(Endpoint of, byte[] storeKey, boolean isStored, int length) {
        end();
        if (shouldCommit()) {
            endpoint = of.id();
            key = HexFormat.of().formatHex(storeKey, 0, Events.SHOWN_KEY_BYTES);
            stored = isStored;
            bytes = length;
            commit();
        }
    }
}
