package dev.refrain.http.config;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** Describes one setting on the record component that holds it. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
@interface Setting {
    /** The allowed values of any provider's URL. */
    String URL = "an absolute http or https URL without user, query or fragment";
    /** The allowed values of a proxy's URL. */
    String PROXY_URL = "an http URL such as http://proxy:3128, or none";
    /** The allowed sizes of a body. */
    String SIZE = "a size from 1B to 1GiB, such as 64KiB or 16MiB";

    String MEMORY_OR_NONE = "a size from 1MiB to 16GiB, such as 64MiB, or 0B for none";
    /** The allowed values of most durations. */
    String DURATION = "a duration longer than zero, such as 500ms, 10s, 5m or 1h";

    /** The allowed values of a duration that may be zero. */
    String DURATION_OR_NONE = "a duration, such as 0s, 500ms, 10s or 5m";

    /** The allowed names of header fields. */
    String FIELD_NAMES = "none, or names of header fields separated by commas, such as anthropic-beta, x-variant";

    /** The allowed names of header fields where wildcards are possible. */
    String FIELD_PATTERNS =
            "none, or names of header fields separated by commas, such as x-tenant, *-session, where * stands for any "
                    + "characters";

    /** The allowed prices. */
    String PRICE = "a price for a million tokens from 0 to 1000000, such as 0.15";

    /** The default as a user would write it; empty if the setting is absent by default. */
    String value() default "";

    /** The allowed values, worded to follow "must be". */
    String allowed();

    /** Parameter label of the command-line flag; empty if there is no flag. */
    String flag() default "";

    /** The setting's name, if it does not follow from the component's. */
    String name() default "";

    /** Whether the value must not be shown. */
    boolean secret() default false;

    /** Whether a reload applies a new value, to requests that come after the reload. */
    boolean live() default false;

    /** What the flag does, for {@code --help}. */
    String help() default "";
}
