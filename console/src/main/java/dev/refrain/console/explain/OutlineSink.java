package dev.refrain.console.explain;

import dev.refrain.engine.exchange.ForwardingSink;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import java.util.function.Consumer;

/**
 * Passes a fetched answer on, and runs an action if the answer was complete and successful, so that its request gets an
 * outline. As thread-safe as the sink behind it.
 */
public final class OutlineSink extends ForwardingSink {
    private final Consumer<ResponseHead> whenWhole;
    private ResponseHead head;

    /**
     * A sink in front of the client's sink.
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
