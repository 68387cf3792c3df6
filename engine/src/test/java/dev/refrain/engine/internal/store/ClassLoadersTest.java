package dev.refrain.engine.internal.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.File;
import java.io.IOException;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A program in a container with class loaders of its own. */
class ClassLoadersTest {
    @TempDir
    Path folder;

    @Test
    void anEngineThatChronicleCannotSeeSaysWhatToDo() throws Exception {
        Path file = folder.resolve("answers.refrain");
        List<URL> libraries = new ArrayList<>();
        List<URL> engine = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
            (new File(entry).isDirectory() ? engine : libraries)
                    .add(Path.of(entry).toUri().toURL());
        }
        try (URLClassLoader container = loader(libraries, ClassLoader.getPlatformClassLoader());
                URLClassLoader program = loader(engine, container)) {
            Class<?> cache = program.loadClass("dev.refrain.engine.ResponseCache");
            assertThat(cache.getClassLoader()).isSameAs(program);
            Method open = cache.getMethod("open", Path.class, long.class);
            assertThatThrownBy(() -> open.invoke(null, file, 16L << 20))
                    .cause()
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("WEB-INF/lib")
                    .hasMessageContaining("ResponseCache.onHeap");
            assertThat(file).doesNotExist();
            // The heap needs no Chronicle Map.
            Object builder = cache.getMethod("onHeap", long.class).invoke(null, 1L << 20);
            Object opened = builder.getClass().getMethod("open").invoke(builder);
            cache.getMethod("close").invoke(opened);
        }
    }

    private static URLClassLoader loader(List<URL> urls, ClassLoader parent) throws IOException {
        return new URLClassLoader(urls.toArray(URL[]::new), parent);
    }
}
