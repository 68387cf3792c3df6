package dev.refrain.cassettes;

import java.util.Locale;

/** What happens to a request. */
public enum CassetteMode {
    /** The request goes to the provider, and the answer replaces an earlier recording. */
    RECORD,
    /** The request is answered only from the folder. */
    REPLAY,
    /** The request is answered from the folder; without a recording, it goes to the provider and is recorded. */
    RECORD_MISSING,
    /** The request goes to the provider. An answer that differs from the recording replaces the recording. */
    REFRESH;

    /** The name in settings and on command lines, such as {@code record-missing}; never null. */
    public String id() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
