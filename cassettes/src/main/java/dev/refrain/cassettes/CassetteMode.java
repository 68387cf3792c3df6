package dev.refrain.cassettes;

import java.util.Locale;

/** What happens to a request. */
public enum CassetteMode {
    /** It goes to the provider, and its answer replaces an earlier recording. */
    RECORD,
    /** It is answered only from the folder. */
    REPLAY,
    /** It is answered from the folder; without a recording, it goes to the provider and is recorded. */
    RECORD_MISSING,
    /** It goes to the provider. An answer that differs from the recording replaces it. */
    REFRESH;

    /** The name in settings and on command lines, such as {@code record-missing}; never null. */
    public String id() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
