package dev.refrain.cassettes;

import java.util.Locale;

/** What becomes of a request. */
public enum CassetteMode {
    /** It is passed on, and the answer is written in place of an earlier recording. */
    RECORD,
    /** It is answered from the folder alone. */
    REPLAY,
    /** It is answered from the folder, or passed on and recorded if there is no recording. */
    RECORD_MISSING,
    /** It is passed on. An answer that differs from its recording is written in place of it. */
    REFRESH;

    /** The name in settings and on command lines, such as {@code record-missing}; never null. */
    public String id() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
