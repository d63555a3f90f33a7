package io.bianque.agent.binary;

import io.bianque.facts.Symbol;
import io.bianque.facts.SymbolChunk;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** The functions of one file, cut into chunks; of them one is in memory. */
final class TableChunks implements ElfFile.Functions {
  private static final int MOST_SYMBOLS = 4096;

  /** Names of C++ have hundreds of bytes each; the broker takes records of 1 MiB. */
  private static final int MOST_BYTES = 256 << 10;

  /** Of a table: the stream tier has whole ones in memory. A kernel has some 120,000 functions. */
  static final int MOST_FUNCTIONS = 100_000;

  private static final int MOST_TABLE_BYTES = 8 << 20;

  private final String buildId;
  private final String object;
  private final String file;
  private final Consumer<SymbolChunk> sink;
  private List<Symbol> symbols = new ArrayList<>();
  private int bytes;
  private long bytesBefore;
  private int chunk;
  private int functions;

  TableChunks(String buildId, String object, String file, Consumer<SymbolChunk> sink) {
    this.buildId = buildId;
    this.object = object;
    this.file = file;
    this.sink = sink;
  }

  @Override
  public void function(long offset, long size, String name) {
    functions++;
    add(offset, printable(name));
    if (size > 0 && offset + size > 0) {
      border(offset + size);
    }
  }

  @Override
  public void border(long offset) {
    add(offset, "");
  }

  @Override
  public boolean isFull() {
    return functions >= MOST_FUNCTIONS || bytes() >= MOST_TABLE_BYTES;
  }

  /** Roughly, before compression. */
  long bytes() {
    return bytesBefore + bytes;
  }

  int functions() {
    return functions;
  }

  private void add(long offset, String name) {
    int more = Long.BYTES + name.getBytes(StandardCharsets.UTF_8).length;
    if (symbols.size() == MOST_SYMBOLS || bytes + more > MOST_BYTES) {
      send(false);
    }
    symbols.add(new Symbol(offset, name));
    bytes += more;
  }

  /** The last chunk, of a file without functions the only one: who asked must not ask for ever. */
  void finish() {
    send(true);
  }

  private void send(boolean last) {
    sink.accept(new SymbolChunk(buildId, object, chunk++, last, symbols, file));
    symbols = new ArrayList<>();
    bytesBefore += bytes;
    bytes = 0;
  }

  /** Names go to terminals and logs. */
  static String printable(String name) {
    return name.codePoints().anyMatch(Character::isISOControl)
        ? name.codePoints()
            .map(each -> Character.isISOControl(each) ? '?' : each)
            .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
            .toString()
        : name;
  }
}
