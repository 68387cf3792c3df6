package dev.refrain.engine.internal.template;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.io.IOContext;
import com.fasterxml.jackson.core.json.UTF8StreamJsonParser;
import com.fasterxml.jackson.core.sym.ByteQuadsCanonicalizer;
import dev.refrain.engine.internal.JsonStrings;
import java.io.IOException;

/**
 * Jackson's parser, adapted to answers. Jackson skips a string byte by byte. This parser skips plain text and
 * short escapes many bytes at a time, and leaves only the rest to Jackson. It also bounds the bytes of new
 * names. Not thread-safe.
 */
final class AnswerParser extends UTF8StreamJsonParser {
    /** Heap that the new names of one document may take, in bytes. */
    private static final int MAX_NEW_NAMES = 1 << 20;
    /** Heap that a name takes besides its characters, in bytes. */
    private static final int NAME_BYTES = 64;

    private int names;
    private int newNames;

    private AnswerParser(
            IOContext context, int features, ByteQuadsCanonicalizer names, byte[] data, int offset, int length) {
        super(context, features, null, null, names, data, offset, offset + length, 0, false);
        this.names = names.size();
    }

    @Override
    public JsonToken nextToken() throws IOException {
        JsonToken token = super.nextToken();
        if (token == JsonToken.FIELD_NAME && _symbols.size() > names) {
            names = _symbols.size();
            newNames += NAME_BYTES + currentName().length();
            if (newNames > MAX_NEW_NAMES) {
                throw new StreamConstraintsException("names of more than " + MAX_NEW_NAMES + " bytes");
            }
        }
        return token;
    }

    /** Whether the current token, a string that has not been read, is longer than the given number of bytes. */
    boolean isLongerThan(int max) {
        for (int at = _inputPtr, left = max; at < _inputEnd && left >= 0; at++, left--) {
            if (_inputBuffer[at] == '"') {
                return false;
            } else if (_inputBuffer[at] == '\\') {
                at++;
                left--;
            }
        }
        return true;
    }

    /** Skips to the end of the current token. A string that has not been read cannot be read after this. */
    void passOver() throws IOException {
        if (_tokenIncomplete) {
            _tokenIncomplete = false;
            _skipString();
        }
    }

    @Override
    protected void _skipString() throws IOException {
        int at = JsonStrings.skipPlain(_inputBuffer, _inputPtr, _inputEnd);
        while (at < _inputEnd - 1 && _inputBuffer[at] == '\\' && JsonStrings.isShortEscape(_inputBuffer[at + 1])) {
            at = JsonStrings.skipPlain(_inputBuffer, at + 2, _inputEnd);
        }
        _inputPtr = at;
        super._skipString();
    }

    /**
     * Makes parsers that share one table of names. The names are canonicalised but not interned: without
     * canonicalising, Jackson would use its reader-based parser, which has no byte offsets. The table is shared because
     * making one takes as long as compressing an answer. Clients can fill it with names of their own, because a
     * Responses answer echoes the schemas of tools. So it is dropped when it holds more names than all formats have.
     *
     * <p>The parser makes strings only of numbers, names and the texts that the scanner reads; it skips other strings.
     * The longest number takes less than 8 MiB of the heap while it is read.
     */
    static final class Factory extends JsonFactory {
        private static final int MAX_NAMES = 500;
        /** Approximate limit of a name, in bytes. */
        private static final int MAX_NAME_LENGTH = 64 * 1024;

        private static final int MAX_NUMBER_LENGTH = 1 << 20;
        private static final long serialVersionUID = 1;

        private static volatile Factory shared = new Factory();

        private Factory() {
            super(new JsonFactoryBuilder()
                    .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
                    .streamReadConstraints(StreamReadConstraints.builder()
                            // Numbers use the same buffer as strings, and their own limit is checked only at their end.
                            .maxStringLength(MAX_NUMBER_LENGTH + (64 << 10))
                            .maxNumberLength(MAX_NUMBER_LENGTH)
                            .maxNameLength(MAX_NAME_LENGTH)
                            .build()));
        }

        static Factory shared() {
            Factory json = shared;
            if (json._byteSymbolCanonicalizer.size() > MAX_NAMES) {
                json = new Factory();
                shared = json;
            }
            return json;
        }

        /** A parser of the bytes from {@code from} on, which must not change while it is used. */
        AnswerParser parser(byte[] data, int from, int length) throws IOException {
            return (AnswerParser) createParser(data, from, length);
        }

        /** Does not detect the encoding, because {@link AnswerScanner} has refused other encodings than UTF-8. */
        @Override
        protected AnswerParser _createParser(byte[] data, int offset, int length, IOContext context) {
            return new AnswerParser(
                    context,
                    _parserFeatures,
                    _byteSymbolCanonicalizer.makeChild(_factoryFeatures),
                    data,
                    offset,
                    length);
        }
    }
}
