package dev.refrain.examples;

import dev.refrain.engine.ResponseCache;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.boot.CommandLineRunner;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.annotation.Bean;

/**
 * A Spring Boot program that streams an answer. The starter is on the class path, and the settings turn the cache on.
 * Only the line that prints what the cache did refers to the cache.
 */
@EnableAutoConfiguration
public class SpringAiExample {
    /**
     * Asks, and prints what the cache did.
     *
     * @param arguments settings, such as {@code --spring.ai.openai.base-url=...} and {@code --refrain.store=...}
     */
    public static void main(String[] arguments) {
        new SpringApplicationBuilder(SpringAiExample.class)
                .properties(
                        "refrain.capacity=64MB",
                        "refrain.cache.default=on",
                        "spring.ai.openai.chat.model=demo",
                        "spring.main.banner-mode=off",
                        "logging.level.root=warn")
                .run(arguments)
                .close();
    }

    @Bean
    CommandLineRunner ask(ChatClient.Builder client, ResponseCache cache) {
        return arguments -> {
            client.build().prompt("Say hello").stream()
                    .content()
                    .doOnNext(System.out::print)
                    .blockLast();
            System.out.println();
            System.out.println(cache.admin().stats().hits() == 1 ? "[HIT]" : "[MISS]");
        };
    }
}
