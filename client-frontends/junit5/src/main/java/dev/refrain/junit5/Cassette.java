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
 * as its parameter, and points its client there.
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
 * <p>On a class it holds for all tests of it, which may run at the same time; on a method for that one. What happens is
 * what the system property {@code refrain.cassette-mode} says, or the variable {@code REFRAIN_CASSETTE_MODE}:
 * {@code replay}, {@code record}, {@code record-missing} or {@code refresh}. If neither does, it is {@code replay}
 * where the variable {@code CI} is {@code true}, and {@code record-missing} elsewhere.
 *
 * <p>What was not played, and what was missing, stands in the test's report and on standard error.
 */
@Documented
@Inherited
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.TYPE, ElementType.METHOD})
@ExtendWith(CassetteExtension.class)
public @interface Cassette {
    /** The folder, from where the tests run. */
    String value();

    /**
     * Base URL of the provider that is recorded. Empty: what the variables {@code OPENAI_BASE_URL} and
     * {@code ANTHROPIC_BASE_URL} say, or OpenAI's and Anthropic's own. The system property
     * {@code refrain.cassette-upstream} has precedence.
     */
    String upstream() default "";

    /** Members of request bodies that do not count, as the setting {@code key.ignore} (wire rule W84). */
    String[] ignore() default {};

    /** Days after which a recording that is played is reported as too old; 0 for no limit. */
    int maxAgeDays() default 0;
}
