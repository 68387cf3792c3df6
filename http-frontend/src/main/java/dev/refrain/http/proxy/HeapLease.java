package dev.refrain.http.proxy;

import io.undertow.server.HttpServerExchange;

/** Room on the heap that a request holds until it is over, taken from what all requests share. The I/O thread's alone. */
final class HeapLease implements ContentCoding.Lease {
    private final HttpServerExchange exchange;
    private final HeapShare share;
    private long taken;

    HeapLease(HttpServerExchange exchange, HeapShare share) {
        this.exchange = exchange;
        this.share = share;
    }

    @Override
    public boolean take(int bytes) {
        if (!share.take(bytes)) {
            return false;
        }
        if (taken == 0) {
            exchange.addExchangeCompleteListener((completed, next) -> {
                share.give(taken);
                next.proceed();
            });
        }
        taken += bytes;
        return true;
    }
}
