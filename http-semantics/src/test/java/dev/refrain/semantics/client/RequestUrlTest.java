package dev.refrain.semantics.client;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The parts of a URL as clients spell it. */
class RequestUrlTest {
    @ParameterizedTest
    @CsvSource({
        "https://h/v1/models,https://h,/v1/models,''",
        "https://h:443/v1?a=b?c/d,https://h,/v1,a=b?c/d",
        "http://h:80/,http://h,/,''",
        "http://h:443/,http://h:443,/,''",
        "https://[::1]:8080/v1,https://[::1]:8080,/v1,''",
        "https://h,https://h,'',''",
        "https://h?a=/b,https://h,'',a=/b",
        "https://h#/?a,https://h,'',''",
        "https://h/p?q#f?/@,https://h,/p,q",
        "https://user:p@ss@h/p@q,https://h,/p@q,''"
    })
    void partsAreAsTheyAreSent(String url, String origin, String path, String query) {
        assertThat(RequestUrl.of(url)).isEqualTo(new RequestUrl(origin, path, query));
        assertThat(RequestUrl.of(url).withPath("/x")).isEqualTo(origin + "/x" + (query.isEmpty() ? "" : "?" + query));
    }
}
