package dev.refrain.semantics.client;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.KeyRules;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.caller.FieldNames;
import dev.refrain.semantics.policy.Policy;
import dev.refrain.testing.FrontEnd;
import dev.refrain.testing.FrontEndContract;
import java.io.IOException;
import java.net.URI;
import java.util.List;

/** A client with a cache in this JVM, for the contract of all front-ends. Subclasses send with their client library. */
public abstract class CachingFrontEnd implements FrontEnd {
    /** Options that the contract requires of the client. */
    public static final RefrainOptions OPTIONS = RefrainOptions.builder()
            .policies(
                    Policy.builder("zero retention")
                            .model(FrontEndContract.NEVER)
                            .cache(Policy.Caching.NEVER)
                            .build(),
                    Policy.builder("one turn")
                            .model(FrontEndContract.ONE_TURN)
                            .maxTurns(1)
                            .build())
            .keyHeaders(FieldNames.parse(FrontEndContract.KEY_HEADERS))
            .build();

    /** The provider's base URL. */
    protected final URI base;
    /** A cache with the settings that the contract requires. */
    protected final ResponseCache cache;

    protected CachingFrontEnd(URI base) throws IOException {
        this.base = base;
        this.cache = ResponseCache.onHeap(64L << 20)
                .keyRules(Endpoint.CHAT, KeyRules.NONE.ignoring(List.of(FrontEndContract.IGNORED)))
                .open();
    }

    @Override
    public final void takeBack(Reply answer) {
        assertThat(ClientAnswers.takeBack(cache, answer::header)).isTrue();
    }

    @Override
    public final long heldBytes() {
        return cache.admin().memory().usedBytes();
    }

    @Override
    public void close() {
        cache.close();
    }
}
