package dev.refrain.examples;

import dev.langchain4j.agent.tool.Tool;
import dev.langchain4j.http.client.HttpClientBuilderLoader;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.service.AiServices;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Savings;
import dev.refrain.langchain4j.RefrainLangChain4j;
import dev.refrain.semantics.client.RefrainOptions;
import dev.refrain.semantics.client.RequestRecord;
import java.io.IOException;
import java.nio.file.Path;

/**
 * An AI service of LangChain4j whose model may call a tool. The tool runs each time. The model's answers to the
 * question, and to the tool's result, come from the cache as long as both stay the same.
 */
public final class AiServiceExample {
    private AiServiceExample() {}

    /** Implemented by LangChain4j. */
    interface Assistant {
        String answer(String question);
    }

    /** The tool that the model may call. */
    static final class Stock {
        @Tool("How many of an article are in stock")
        int inStock(String article) {
            System.out.println("tool: " + article);
            return 42;
        }
    }

    /** Receives the events of each request, and prints what the cache did. */
    private static final RequestRecord PRINTED = new RequestRecord() {
        @Override
        public void head(int status, String generationId, CacheOutcome outcome) {
            System.out.println(outcome instanceof CacheOutcome.Hit ? "[HIT]" : "[MISS]");
        }

        @Override
        public String cost(Savings savings) {
            return null;
        }
    };

    /**
     * Asks, and prints what the cache did.
     *
     * @param arguments the provider's base URL, a key for it, and the cache's file
     */
    public static void main(String[] arguments) throws IOException {
        RefrainOptions options =
                RefrainOptions.builder().log((endpoint, caller) -> PRINTED).build();
        try (ResponseCache cache = ResponseCache.open(Path.of(arguments[2]), 64L << 20)) {
            ChatModel model = OpenAiChatModel.builder()
                    .baseUrl(arguments[0])
                    .apiKey(arguments[1])
                    .modelName("demo")
                    .httpClientBuilder(
                            RefrainLangChain4j.wrap(HttpClientBuilderLoader.loadHttpClientBuilder(), cache, options))
                    .build();
            Assistant assistant = AiServices.builder(Assistant.class)
                    .chatModel(model)
                    .tools(new Stock())
                    .build();
            System.out.println(assistant.answer("How many umbrellas have we got?"));
        }
    }
}
