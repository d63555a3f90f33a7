package io.bianque.agent.probe;

import io.bianque.agent.libbpf.BpfException;
import io.bianque.agent.libbpf.BpfFs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps probes in the kernel while no agent runs: {@code <folder>/<probe>/<identity>-<epoch>/} on
 * the BPF file system. A copy of the probe's files is kept on disk beside it, because what waits in
 * its channel is to be read as they say, whatever has become of the files since.
 */
public final class Pins {
  private static final Logger LOG = LoggerFactory.getLogger(Pins.class);
  private static final String UNFINISHED = "unfinished";
  private static final Pattern COMPLETE = Pattern.compile("([0-9a-f]{16})-(\\d+)");

  private final Path folder;
  private final Path copies;

  /**
   * @param folder on the BPF file system; made when it is not there
   * @param copies where the files of pinned probes are kept
   */
  public Pins(Path folder, Path copies) {
    this.folder = folder;
    this.copies = copies;
  }

  /** Why nothing can be pinned here; empty when it can. */
  public Optional<String> trouble() {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      return Optional.of(folder + " cannot be made: " + e);
    }
    return BpfFs.holds(folder)
        ? Optional.empty()
        : Optional.of(folder + " is on no BPF file system: mount -t bpf bpf /sys/fs/bpf");
  }

  /** Takes everything out of the kernel that is pinned there; the probes that were. */
  public List<String> deleteAll() {
    List<String> probes =
        list(folder).stream()
            .filter(Files::isDirectory)
            .map(each -> each.getFileName().toString())
            .toList();
    probes.forEach(this::delete);
    deleteIfEmpty(folder);
    return probes;
  }

  /** Names of the probes that are pinned. */
  List<String> probes() {
    return list(folder).stream()
        .map(each -> each.getFileName().toString())
        .filter(probe -> of(probe).isPresent())
        .toList();
  }

  /**
   * The life of a probe that goes on in the kernel; what a killed run left half done is deleted.
   */
  Optional<Pin> of(String probe) {
    Optional<Pin> found = Optional.empty();
    for (Path each : list(folder.resolve(probe))) {
      Matcher complete = COMPLETE.matcher(each.getFileName().toString());
      if (complete.matches() && found.isEmpty()) {
        found = Optional.of(new Pin(each, complete.group(1), Long.parseLong(complete.group(2))));
      } else {
        new Pin(each, UNFINISHED, 0).delete();
      }
    }
    return found;
  }

  /** The files that a pinned probe was loaded from. */
  ProbeFiles files(String probe, Pin pin) {
    Path kept = copies.resolve(probe).resolve(pin.identity());
    return ProbeFiles.of(probe, kept, kept);
  }

  /** Pins what was just loaded; it is returned as it was when that cannot be done. */
  InKernel keep(InKernel kernel, ProbeFiles files, String identity, long epoch) {
    Path unfinished = folder.resolve(files.name()).resolve(UNFINISHED);
    Pin pin = new Pin(unfinished, identity, epoch);
    try {
      copy(files, identity);
      Files.createDirectories(unfinished);
      kernel.pin(pin);
      Path complete = unfinished.resolveSibling(identity + "-" + epoch);
      Files.move(unfinished, complete, StandardCopyOption.ATOMIC_MOVE);
      return kernel.kept(new Pin(complete, identity, epoch));
    } catch (IOException | BpfException e) {
      LOG.info(
          "probe {} ends with this agent: it cannot be pinned: {}", files.name(), e.toString());
      pin.delete();
      return kernel;
    }
  }

  private void copy(ProbeFiles files, String identity) throws IOException {
    Path to = copies.resolve(files.name()).resolve(identity);
    Files.createDirectories(to);
    for (Path file : Stream.concat(files.object().stream(), files.schemas().stream()).toList()) {
      Files.copy(file, to.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
    }
  }

  /** Forgets a life: its pins and the copy of its files. */
  void delete(String probe, Pin pin) {
    pin.delete();
    deleteIfEmpty(folder.resolve(probe));
    Path kept = copies.resolve(probe).resolve(pin.identity());
    list(kept).forEach(Pins::deleteIfEmpty);
    deleteIfEmpty(kept);
    deleteIfEmpty(kept.getParent());
  }

  private void delete(String probe) {
    of(probe).ifPresent(pin -> delete(probe, pin));
    deleteIfEmpty(folder.resolve(probe));
  }

  private static void deleteIfEmpty(Path path) {
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      LOG.warn("{} is left: {}", path, e.toString());
    }
  }

  static List<Path> list(Path folder) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(folder + " cannot be listed", e);
    }
  }

  /** Of what a probe is in the kernel: its object, and what is set in it. */
  static String identity(byte[] object, Map<String, String> tunables, int channelBytes) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(object);
      digest.update(new TreeMap<>(tunables).toString().getBytes(StandardCharsets.UTF_8));
      digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(channelBytes).array());
      return HexFormat.of().formatHex(digest.digest(), 0, 8);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has it", e);
    }
  }
}
