package dev.refrain.spring;

import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.activity.ActivityOptions;
import dev.refrain.console.metrics.RequestMetrics;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.metrics.CacheMetrics;
import dev.refrain.okhttp.RefrainInterceptor;
import dev.refrain.semantics.client.RefrainOptions;
import dev.refrain.semantics.client.RequestLog;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import okhttp3.OkHttpClient;
import org.springframework.ai.anthropic.http.okhttp.AnthropicHttpClientBuilderCustomizer;
import org.springframework.ai.openai.http.okhttp.OpenAiHttpClientBuilderCustomizer;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.health.autoconfigure.contributor.ConditionalOnEnabledHealthIndicator;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.core.env.Environment;

/**
 * A cache for the models of Spring AI, configured by {@link RefrainProperties}. Cache, options, log and interceptor are
 * beans, and the program may replace each of them by a bean of its own. Runs on the thread that starts the context; all
 * of its beans are thread-safe.
 */
@AutoConfiguration
@ConditionalOnClass(OkHttpClient.class)
@ConditionalOnBooleanProperty(name = "refrain.enabled", matchIfMissing = true)
@EnableConfigurationProperties(RefrainProperties.class)
public final class RefrainAutoConfiguration {
    private static final long LOG_BYTES = 256L << 20;
    private static final Duration LOG_AGE = Duration.ofDays(30);

    /** Called by Spring. */
    RefrainAutoConfiguration() {}

    @Bean
    @ConditionalOnMissingBean(ResponseCache.class)
    Store refrainStore(RefrainProperties properties) {
        return Store.open(properties);
    }

    /** Not closed with this context, because others may share it: the store closes it. */
    @Bean(destroyMethod = "")
    @ConditionalOnMissingBean
    ResponseCache refrainCache(Store store) {
        return store.cache();
    }

    @Bean
    @ConditionalOnMissingBean(RequestLog.class)
    ActivityLog refrainLog(RefrainProperties properties) {
        Path file = properties.console().log();
        boolean isNamed = file != null;
        if (!isNamed && !properties.isOnHeap()) {
            file = Path.of(properties.store() + ".activity");
        }
        // Requests are counted even without a file.
        boolean isKept = properties.console().enabled() && file != null;
        ActivityOptions options =
                isKept ? ActivityOptions.of(file, LOG_BYTES, LOG_AGE) : ActivityOptions.of(Path.of("none"), 0, LOG_AGE);
        return ActivityLog.open(isNamed ? options.named() : options, Clock.systemUTC());
    }

    @Bean
    @ConditionalOnMissingBean
    RefrainOptions refrainOptions(RefrainProperties properties, RequestLog log) {
        return properties.options().log(log).build();
    }

    @Bean
    @ConditionalOnMissingBean
    RefrainInterceptor refrainInterceptor(ResponseCache cache, RefrainOptions options) {
        return RefrainInterceptor.of(cache, options);
    }

    /** Figures of the cache, for the program's meter registries, under the proxy's names. */
    @Bean
    @ConditionalOnMissingBean
    CacheMetrics refrainCacheMetrics(ResponseCache cache) {
        return new CacheMetrics(cache);
    }

    /** Figures of requests, for the program's meter registries, under the proxy's names. */
    @Bean
    @ConditionalOnMissingBean
    @ConditionalOnBean(ActivityLog.class)
    RequestMetrics refrainRequestMetrics(ActivityLog log) {
        return new RequestMetrics(log);
    }

    @Bean
    @ConditionalOnBooleanProperty("refrain.console.enabled")
    @ConditionalOnBean(ActivityLog.class)
    Console refrainConsole(
            RefrainProperties properties,
            RefrainOptions options,
            ResponseCache cache,
            ActivityLog log,
            Environment settings) {
        return Console.start(properties.console(), options, cache, log, settings);
    }

    /** All models of OpenAI, and of compatible providers. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(OpenAiHttpClientBuilderCustomizer.class)
    static final class OpenAi {
        /** The last customizer, so that the header has the credentials when the interceptor runs. */
        @Bean
        @Order(Ordered.LOWEST_PRECEDENCE)
        OpenAiHttpClientBuilderCustomizer refrainOpenAi(RefrainInterceptor interceptor) {
            return builder -> builder.interceptor(interceptor);
        }
    }

    /** All models of Anthropic. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(AnthropicHttpClientBuilderCustomizer.class)
    static final class Anthropic {
        /** The last customizer, so that the header has the credentials when the interceptor runs. */
        @Bean
        @Order(Ordered.LOWEST_PRECEDENCE)
        AnthropicHttpClientBuilderCustomizer refrainAnthropic(RefrainInterceptor interceptor) {
            return builder -> builder.interceptor(interceptor);
        }
    }

    /** The health indicator of the actuator. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass({HealthIndicator.class, ConditionalOnEnabledHealthIndicator.class})
    static final class Health {
        @Bean
        @ConditionalOnMissingBean(name = "refrainHealthIndicator")
        @ConditionalOnEnabledHealthIndicator("refrain")
        HealthIndicator refrainHealthIndicator(ResponseCache cache) {
            return new StoreHealth(cache);
        }
    }
}
