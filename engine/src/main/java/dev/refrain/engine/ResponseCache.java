package dev.refrain.engine;

/** Placeholder of the pipeline. */
public final class ResponseCache {
    private ResponseCache() {}

    /** Settings. */
    public static final class Builder {
        private Builder() {}

        /** Limit. */
        public Builder maxRequestBytes(int bytes) {
            return this;
        }
    }
}
