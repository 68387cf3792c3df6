package dev.refrain.http.config;

import dev.refrain.console.admin.AdminOptions;
import java.util.regex.Pattern;

/**
 * The admin listener.
 *
 * @param enabled whether the listener is started
 * @param host address to listen on
 * @param port port to listen on, 0 for any free one
 * @param token the token that a request must bring; null for none, which is allowed only for a loopback address
 * @param content whether stored answers can be looked at
 */
public record AdminSettings(
        @Setting(value = "true", allowed = "true or false") boolean enabled,

        @Setting(value = "127.0.0.1", allowed = "a host name or an IP address of this machine")
        String host,

        @Setting(
                value = "8081",
                allowed = "a port from 0 to 65535, where 0 takes any free one",
                flag = "PORT",
                help = "Port of the admin listener, which has the dashboard.")
        int port,

        @Setting(
                allowed = "at least 16 visible ASCII characters, and set unless admin.host is a loopback address",
                secret = true)
        String token,

        @Setting(value = "off", allowed = "off or on") AdminOptions.Content content) {
    /** Addresses and names that only this machine reaches. Other names are not resolved. */
    private static final Pattern LOOPBACK =
            Pattern.compile("localhost|127(\\.[0-9]{1,3}){3}|::1|0:0:0:0:0:0:0:1", Pattern.CASE_INSENSITIVE);

    /** Checks what the components' types do not. */
    public AdminSettings {
        InvalidSetting.unless(!host.isEmpty() && host.chars().noneMatch(c -> c <= ' ' || c == '/'), "host");
        InvalidSetting.unless(port >= 0 && port <= 65_535, "port");
        InvalidSetting.unless(
                token == null
                        ? !enabled || LOOPBACK.matcher(host).matches()
                        : token.length() >= 16 && token.chars().allMatch(c -> c > ' ' && c < 0x7F),
                "token");
    }

    /** The options of the listener. */
    public AdminOptions options() {
        return new AdminOptions(host, port, token, "admin.token", content);
    }

    /** Address and port alone, so that the token reaches no log. */
    @Override
    public String toString() {
        return enabled ? host + ":" + port : "off";
    }
}
