package io.bianque.agent.host;

import io.bianque.facts.HostFacts;
import io.bianque.facts.Module;
import io.bianque.facts.Symbol;
import io.bianque.facts.SymbolChunk;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/**
 * The tables of text symbols of the kernel and its modules, as chunks.
 *
 * <p>At any time one chunk is in memory, about 0.5 MB, whatever the kernel's size. All 122,000
 * symbols of a 6.18 kernel take 65 ms of CPU and pass 14 MB through the heap; they were read in a
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
   * @return the number of chunks
   * @throws HostException when /proc/kallsyms cannot be read
   */
  public int stream(HostFacts facts, Consumer<SymbolChunk> sink) {
    if (facts.getTextAddress() == null) {
      return 0;
    }
    Path file = host.path("proc/kallsyms");
    Chunks chunks = new Chunks(facts, sink);
    try {
      KallsymsFile.read(file, chunks);
    } catch (IOException e) {
      throw new HostException(file + ": cannot be read: " + e, e);
    }
    chunks.finishObject();
    return chunks.sent;
  }

  /**
   * Cuts the lines into chunks. A chunk waits until the next symbol shows whether it is its
   * object's last.
   */
  private static final class Chunks implements KallsymsFile.Visitor {
    private final HostFacts facts;
    private final Consumer<SymbolChunk> sink;
    private final Set<String> finished = new HashSet<>();
    private List<Symbol> symbols = new ArrayList<>(CHUNK_SYMBOLS);
    private String object = KERNEL;
    private String buildId;
    private long base;
    private long size;
    private int chunk;
    private int sent;

    Chunks(HostFacts facts, Consumer<SymbolChunk> sink) {
      this.facts = facts;
      this.sink = sink;
      this.buildId = facts.getKernelBuildId();
      this.base = facts.getTextAddress();
      this.size = facts.getTextSize();
    }

    @Override
    public void line(KallsymsFile.Line line) {
      if (!line.isText()) {
        return;
      }
      boolean same = line.inModule() ? line.inModule(object) : object.equals(KERNEL);
      if (!same) {
        finishObject();
        begin(line.inModule() ? line.module() : KERNEL);
      }
      // Unsigned, so that an address below the base is out of it as well.
      long offset = line.address() - base;
      if (Long.compareUnsigned(offset, size) < 0) {
        if (symbols.size() == CHUNK_SYMBOLS) {
          send(false);
        }
        symbols.add(new Symbol(offset, line.name()));
      }
    }

    /**
     * An object that is none of the facts', or was finished before, gets no room: all its symbols
     * fall out.
     */
    private void begin(String name) {
      object = name;
      chunk = 0;
      size = 0;
      for (Module module : facts.getModules()) {
        if (module.getName().equals(name)
            && module.getBuildId() != null
            && !finished.contains(name)) {
          buildId = module.getBuildId();
          base = module.getBase();
          size = module.getSize();
        }
      }
    }

    void finishObject() {
      if (!symbols.isEmpty()) {
        send(true);
      }
      finished.add(object);
    }

    private void send(boolean last) {
      sink.accept(new SymbolChunk(buildId, object, chunk++, last, symbols));
      symbols = new ArrayList<>(CHUNK_SYMBOLS);
      sent++;
    }
  }
}
