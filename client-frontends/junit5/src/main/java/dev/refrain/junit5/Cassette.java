package dev.refrain.junit5;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Plays the calls of a test from a folder of recordings, or records them there. A test takes a {@link CassettePlayer}
 * as its parameter, and points its client to the player's URL.
 *
 * <pre>{@code
 * @Cassette("src/test/cassettes/greeting")
 * class GreetingTest {
 *     @Test
 *     void greets(CassettePlayer cassette) {
 *         OpenAIClient client = OpenAIOkHttpClient.builder()
 *                 .baseUrl(cassette.openAiUrl()).apiKey(cassette.apiKey()).build();
 *     }
 * }
 * }</pre>
 *
 * <p>On a class, the annotation holds for all tests of the class, which may run at the same time; on a method, for that
 * test. The system property {@code refrain.cassette-mode}, or else the variable {@code REFRAIN_CASSETTE_MODE}, sets the
 * mode: {@code replay}, {@code record}, {@code record-missing} or {@code refresh}. If neither is set, the mode is
 * {@code replay} if the variable {@code CI} is {@code true}, else {@code record-missing}.
 *
 * <p>Missing, unused, outdated and unreadable recordings are listed in the test's report and on standard error.
 */
@Documented
@Inherited
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.TYPE, ElementType.METHOD})
@ExtendWith(CassetteExtension.class)
public @interface Cassette {
    /** The folder, relative to the directory in which the tests run. */
    String value();

    /**
     * Base URL of the provider to record. If it is empty, the variables {@code OPENAI_BASE_URL} and
     * {@code ANTHROPIC_BASE_URL} name the providers, or else OpenAI and Anthropic are called. The system property
     * {@code refrain.cassette-upstream} takes precedence.
     */
    String upstream() default "";

    /** Members of request bodies that are ignored, as by the setting {@code key.ignore} (wire rule W84). */
    String[] ignore() default {};

    /** Days after which a played recording is reported as too old; 0 for no limit. */
    int maxAgeDays() default 0;
}
