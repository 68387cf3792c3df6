package dev.refrain.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.junit5.Cassette;
import dev.refrain.junit5.CassettePlayer;
import org.junit.jupiter.api.Test;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;

/** The same as {@link OpenAiCassetteTest}, with Spring AI: one setting points it to the recordings. */
@Cassette(value = "src/test/cassettes/spring-ai", upstream = "demo")
class SpringAiCassetteTest {
    @EnableAutoConfiguration
    static class Program {}

    @Test
    void aChatClientGetsTheRecordedAnswer(CassettePlayer cassette) {
        try (ConfigurableApplicationContext program = new SpringApplicationBuilder(Program.class)
                .properties(
                        "refrain.enabled=false",
                        "spring.ai.openai.chat.model=demo",
                        "spring.main.banner-mode=off",
                        "logging.level.root=warn")
                .run(
                        "--spring.ai.openai.base-url=" + cassette.openAiUrl(),
                        "--spring.ai.openai.api-key=" + cassette.apiKey())) {
            ChatClient client = program.getBean(ChatClient.Builder.class).build();
            assertThat(client.prompt("Say hello").call().content()).isNotBlank();
        }
    }
}
