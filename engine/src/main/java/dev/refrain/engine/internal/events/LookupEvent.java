package dev.refrain.engine.internal.events;

import dev.refrain.engine.CacheKey;
import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** A look into the store for an answer. */
@Name("dev.refrain.Lookup")
@Label("Lookup")
@Category("Refrain")
@Description("A look into the store for an answer")
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

    /** A running event, or null if nobody records any. */
    static LookupEvent start() {
        if (!PROBE.isEnabled()) {
            return null;
        }
        LookupEvent event = new LookupEvent();
        event.begin();
        return event;
    }

    /** Ends the event. */
    public void finish(CacheKey of, String how, int length) {
        end();
        if (shouldCommit()) {
            endpoint = of.endpoint().id();
            key = of.shortDigest();
            result = how;
            bytes = length;
            commit();
        }
    }
}
