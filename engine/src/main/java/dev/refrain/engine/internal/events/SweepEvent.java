package dev.refrain.engine.internal.events;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** The sweep of some slices of the store. */
@Name("dev.refrain.Sweep")
@Label("Sweep")
@Category("Refrain")
@Description("A part of the store is swept for expired entries")
@Enabled(false)
@StackTrace(false)
public final class SweepEvent extends Event {
    private static final SweepEvent PROBE = new SweepEvent();

    @Label("Slices")
    int slices;

    @Label("Entries Removed")
    long removed;

    private SweepEvent() {}

    /** A running event, or null if no recording has enabled it. */
    static SweepEvent start() {
        if (!PROBE.isEnabled()) {
            return null;
        }
        SweepEvent event = new SweepEvent();
        event.begin();
        return event;
    }

    /** Ends the event. */
    public void finish(int sweptSlices, long removedEntries) {
        end();
        if (shouldCommit()) {
            slices = sweptSlices;
            removed = removedEntries;
            commit();
        }
    }
}
