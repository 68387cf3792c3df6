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

/** A lookup of an answer in the store. */
@Name("dev.refrain.Lookup")
@Label("Lookup")
@Category("Refrain")
@Description("A lookup of an answer in the store")
@Enabled(false)
@StackTrace(false)
public final class LookupEvent extends Event {
    private static final LookupEvent PROBE = new LookupEvent();

    @Label("Endpoint")
    String endpoint;

    @Label("Key")
    String key;

    @Label("Result")
    @Description("hit, or why not: miss, stale, request")
    String result;

    @Label("Answer")
    @DataAmount
    int bytes;

    private LookupEvent() {}

    /** A running event, or null if no recording has enabled it. */
    static LookupEvent start() {
        if (!PROBE.isEnabled()) {
            return null;
        }
        LookupEvent event = new LookupEvent();
        event.begin();
        return event;
    }

    /** Ends the event. */
    public void finish(Endpoint of, byte[] storeKey, String how, int length) {
        end();
        if (shouldCommit()) {
            endpoint = of.id();
            key = HexFormat.of().formatHex(storeKey, 0, Events.SHOWN_KEY_BYTES);
            result = how;
            bytes = length;
            commit();
        }
    }
}
