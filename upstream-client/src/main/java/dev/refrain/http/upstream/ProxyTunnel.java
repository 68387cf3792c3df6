package dev.refrain.http.upstream;

import dev.refrain.semantics.answer.ProxyException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** Makes a proxy connect to a provider (RFC 9110, 9.3.6), then removes itself from the pipeline. */
final class ProxyTunnel extends ChannelInboundHandlerAdapter implements AnswerReader.Listener {
    /** Limit of the memory for the head of the proxy's answer, in bytes. There is no call yet to reserve it for. */
    private static final int MOST_HEAD_BYTES = 64 * 1024;

    private final ProxyRules.Proxy proxy;
    private final Origin target;
    private final Consumer<Throwable> done;
    private final AnswerReader reader = new AnswerReader(this);
    private int status;
    private boolean over;

    /** @param done receives null once there is a tunnel, else the reason why there is none */
    ProxyTunnel(ProxyRules.Proxy proxy, Origin target, Consumer<Throwable> done) {
        this.proxy = proxy;
        this.target = target;
        this.done = done;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        String host = target.host().indexOf(':') < 0 ? target.host() : "[" + target.host() + "]";
        String authority = host + ":" + target.port();
        String request = "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n"
                + (proxy.authorization() == null ? "" : "Proxy-Authorization: " + proxy.authorization() + "\r\n")
                + "\r\n";
        reader.expect("CONNECT");
        context.writeAndFlush(Unpooled.wrappedBuffer(request.getBytes(StandardCharsets.ISO_8859_1)));
        context.read();
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        ByteBuf bytes = (ByteBuf) message;
        try {
            reader.read(bytes);
            if (status > 0) {
                boolean isOpen = status < 300 && !bytes.isReadable();
                finish(context, isOpen ? null : new IOException("The proxy answered with status " + status));
            }
        } catch (ProxyException malformed) {
            finish(context, malformed);
        } finally {
            bytes.release();
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
        context.read();
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        finish(context, new EOFException("The proxy closed the connection"));
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable why) {
        finish(context, why);
    }

    private void finish(ChannelHandlerContext context, Throwable failure) {
        if (!over) {
            over = true;
            context.pipeline().remove(this);
            done.accept(failure);
        }
    }

    @Override
    public boolean mayHold(long bytes) {
        return bytes <= MOST_HEAD_BYTES;
    }

    @Override
    public void interim(AnswerHead head) {}

    @Override
    public void head(AnswerHead head) {
        status = head.status();
    }

    @Override
    public void piece(ByteBuffer bytes, boolean isLast) {}

    @Override
    public void end(Map<String, List<String>> trailers) {}
}
