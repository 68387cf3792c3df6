package dev.refrain.console.explain;

import dev.refrain.engine.exchange.ForwardingSink;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import java.util.function.Consumer;

/** Passes a fetched answer on, and says so when it was a whole success: then the request may be outlined. */
public final class OutlineSink extends ForwardingSink {
    private final Consumer<ResponseHead> whenWhole;
    private ResponseHead head;

    /**
     * Stands before the client.
     *
     * @param whenWhole gets the answer's head, with its generation id
     */
    public OutlineSink(Consumer<ResponseHead> whenWhole, ResponseSink client) {
        super(client);
        this.whenWhole = whenWhole;
    }

    @Override
    public void head(ResponseHead answer) {
        head = answer;
        super.head(answer);
    }

    @Override
    public void end() {
        super.end();
        if (head.status() == 200) {
            whenWhole.accept(head);
        }
    }
}
