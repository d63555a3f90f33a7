package io.bianque.agent.host;

import io.bianque.facts.HostFacts;
import io.bianque.facts.Symbol;
import io.bianque.facts.SymbolChunk;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * The tables of text symbols of the kernel and its modules, as chunks.
 *
 * <p>At any time one chunk is in memory, about 0.5 MB, whatever the kernel's size. All 122,000
 * symbols of a 6.18 kernel take 67 ms of CPU and pass 15 MB through the heap; they were read in a
 * JVM of 6 MB.
 */
public final class Kallsyms {
  /**
   * Most symbols in a chunk: some 130 KB in Avro, well below the broker's limit of 1 MiB for a
   * record.
   */
  public static final int CHUNK_SYMBOLS = 4096;

  /** Under which the kernel's own table goes. */
  public static final String KERNEL = "vmlinux";

  /**
   * Under which the table of the kernel's init text goes, by offsets from {@code _text} as well. It
   * is no part of the other, so that every agent publishes the same under that key, whether it
   * knows of init text or not.
   */
  public static final String KERNEL_INIT = "vmlinux.init";

  private final HostRoot host;

  public Kallsyms(HostRoot host) {
    this.host = host;
  }

  /**
   * Hands each chunk to the sink, on this thread, one object's chunks after another. Offsets are
   * relative to the text address and module bases of the given facts; programs of BPF and
   * trampolines of ftrace, which come and go, are left out, and so is a module that has no build
   * id. Nothing is sent when the facts say that symbols are hidden.
   *
   * <p>A table that is wanted and has no symbol is one chunk without any.
   *
   * @param wanted which tables, by {@code <build id>/<object>}
   * @return the number of chunks
   * @throws HostException when /proc/kallsyms cannot be read
   */
  public int stream(HostFacts facts, Predicate<String> wanted, Consumer<SymbolChunk> sink) {
    if (facts.getTextAddress() == null) {
      return 0;
    }
    Path file = host.path("proc/kallsyms");
    Chunks chunks = new Chunks(facts, wanted, sink);
    try {
      KallsymsFile.read(file, chunks);
    } catch (IOException e) {
      throw new HostException(file + ": cannot be read: " + e, e);
    }
    chunks.finishObject();
    chunks.sendEmpty();
    return chunks.sent;
  }

  /**
   * The code of one object.
   *
   * @param base that its symbols' offsets count from
   * @param begin address of its first byte
   * @param size in bytes; 0 where no symbol is wanted
   */
  private record Text(String object, String buildId, long base, long begin, long size) {
    static Text none(String object) {
      return new Text(object, "", 0, 0, 0);
    }

    Text ifWanted(Predicate<String> wanted) {
      return wanted.test(buildId + "/" + object) ? this : none(object);
    }

    boolean has(long address) {
      // Unsigned, so that an address below the begin is out of it as well.
      return Long.compareUnsigned(address - begin, size) < 0;
    }
  }

  /**
   * Cuts the lines into chunks. A chunk waits until the next symbol shows whether it is its
   * object's last.
   */
  private static final class Chunks implements KallsymsFile.Visitor {
    private final List<Text> modules;
    private final Consumer<SymbolChunk> sink;
    private final Text kernel;
    private final Text kernelInit;
    private final Set<String> finished = new HashSet<>();
    private final Set<String> begun = new HashSet<>();
    private List<Symbol> symbols = new ArrayList<>(CHUNK_SYMBOLS);
    private Text text = Text.none("");
    private int chunk;
    private int sent;

    Chunks(HostFacts facts, Predicate<String> wanted, Consumer<SymbolChunk> sink) {
      this.sink = sink;
      String buildId = facts.getKernelBuildId();
      long base = facts.getTextAddress();
      this.kernel = new Text(KERNEL, buildId, base, base, facts.getTextSize()).ifWanted(wanted);
      this.kernelInit =
          facts.getInitTextAddress() == null
              ? Text.none(KERNEL_INIT)
              : new Text(
                      KERNEL_INIT,
                      buildId,
                      base,
                      facts.getInitTextAddress(),
                      facts.getInitTextSize())
                  .ifWanted(wanted);
      this.modules =
          facts.getModules().stream()
              .filter(module -> module.getBuildId() != null)
              .map(module ->
                  new Text(
                          module.getName(),
                          module.getBuildId(),
                          module.getBase(),
                          module.getBase(),
                          module.getSize())
                      .ifWanted(wanted))
              .toList();
    }

    @Override
    public void line(KallsymsFile.Line line) {
      if (!line.isText()) {
        return;
      }
      if (line.inModule()) {
        if (!line.inModule(text.object())) {
          begin(module(line.module()));
        }
      } else if (kernel.has(line.address())) {
        begin(kernel);
      } else if (kernelInit.has(line.address())) {
        begin(kernelInit);
      } else {
        return;
      }
      if (text.has(line.address())) {
        if (symbols.size() == CHUNK_SYMBOLS) {
          send(false);
        }
        symbols.add(new Symbol(line.address() - text.base(), line.name()));
      }
    }

    private Text module(String name) {
      return modules.stream()
          .filter(module -> module.object().equals(name))
          .findFirst()
          .orElse(Text.none(name));
    }

    /** An object that was finished before gets no room: all its symbols fall out. */
    private void begin(Text next) {
      if (!next.object().equals(text.object())) {
        finishObject();
        text = finished.contains(next.object()) ? Text.none(next.object()) : next;
        chunk = 0;
      }
    }

    void finishObject() {
      if (!symbols.isEmpty()) {
        send(true);
      }
      finished.add(text.object());
    }

    /** Who asked for a table would ask for ever. */
    void sendEmpty() {
      Stream.concat(Stream.of(kernel, kernelInit), modules.stream())
          .filter(each -> each.size() > 0 && !begun.contains(each.object()))
          .forEach(each -> {
            sink.accept(new SymbolChunk(each.buildId(), each.object(), 0, true, List.of(), null));
            sent++;
          });
    }

    private void send(boolean last) {
      begun.add(text.object());
      sink.accept(new SymbolChunk(text.buildId(), text.object(), chunk++, last, symbols, null));
      symbols = new ArrayList<>(CHUNK_SYMBOLS);
      sent++;
    }
  }
}
