package dev.refrain.engine.internal.events;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** Eviction in a full segment, to make room. */
@Name("dev.refrain.Evict")
@Label("Evict")
@Category("Refrain")
@Description("Entries are removed from a full segment to make room for another one")
@Enabled(false)
@StackTrace(false)
public final class EvictEvent extends Event {
    private static final EvictEvent PROBE = new EvictEvent();

    @Label("Segment")
    int segment;

    @Label("Room Needed")
    @DataAmount
    long needed;

    @Label("Values Removed")
    int victims;

    private EvictEvent() {}

    /** A running event, or null if no recording has enabled it. */
    static EvictEvent start() {
        if (!PROBE.isEnabled()) {
            return null;
        }
        EvictEvent event = new EvictEvent();
        event.begin();
        return event;
    }

    /** Ends the event. */
    public void finish(int ofSegment, long neededBytes, int removed) {
        end();
        if (shouldCommit()) {
            segment = ofSegment;
            needed = neededBytes;
            victims = removed;
            commit();
        }
    }
}
