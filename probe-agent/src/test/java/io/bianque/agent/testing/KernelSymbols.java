package io.bianque.agent.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** This kernel's functions by address, all of them in memory: for tests only. */
public final class KernelSymbols {
  private final TreeMap<Long, String> functions = new TreeMap<>(Long::compareUnsigned);

  /** Reads /proc/kallsyms. */
  public KernelSymbols() {
    try (Stream<String> lines = Files.lines(Path.of("/proc/kallsyms"))) {
      lines
          .map(line -> line.split("\\s+", 4))
          .filter(words -> words[1].equalsIgnoreCase("t"))
          .forEach(words -> functions.put(Long.parseUnsignedLong(words[0], 16), words[2]));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The function that an address lies in; {@code ?} below the first one. */
  public String function(long address) {
    Map.Entry<Long, String> function = functions.floorEntry(address);
    return function == null ? "?" : function.getValue();
  }
}
