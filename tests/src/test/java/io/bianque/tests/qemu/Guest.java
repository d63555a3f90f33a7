package io.bianque.tests.qemu;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * One boot of a guest to its end.
 *
 * @param results folder with what the guest left in its own /results
 * @param console what it printed on its serial console
 * @param took from the start of QEMU to its end
 */
record Guest(Path results, String console, Duration took) {
  /** Enough for the symbol tables of a kernel, its recordings and its logs. */
  private static final long RESULTS_BYTES = 128L << 20;

  /** A disk for triggers, /dev/vdb; what is not written takes no room. */
  private static final long SCRATCH_BYTES = 256L << 20;

  private static final String MEMORY = "1024M";

  /**
   * psi: a kernel may be built with it and leave it off. mitigations: none of them means anything
   * to an emulated CPU, and they cost it time.
   */
  private static final String COMMAND_LINE = "console=ttyS0 panic=-1 quiet psi=1 mitigations=off";

  /** How a kernel dies of a breakpoint that nobody has set. */
  private static final String STRAY_BREAKPOINT = "int3: 0000 [#1]";

  /**
   * A CPU ran what another one had replaced already: while a tracepoint is switched, its place
   * holds a breakpoint, and a thread of the emulator now and then goes on with that when another
   * has taken it away: in a third of the runs with a thread a CPU. It says nothing about the kernel
   * or what was loaded into it.
   */
  static final class EmulatorFault extends IllegalStateException {
    private EmulatorFault(String message) {
      super(message);
    }
  }

  /**
   * Boots, waits until the guest has powered itself off, and unpacks what it wrote. A guest that
   * does not end in time is ended, and the failure carries its console.
   *
   * @param results an empty folder
   * @throws EmulatorFault when the guest ended by one
   */
  static Guest run(Path folder, Path results, KernelFiles kernel, Path initramfs, Duration limit) {
    Path disk = image(folder.resolve("results.img"), RESULTS_BYTES);
    Path scratch = image(folder.resolve("scratch.img"), SCRATCH_BYTES);
    Path serial = results.resolve("console.txt");
    Path said = results.resolve("qemu.txt");
    List<String> command =
        List.of(
            "qemu-system-x86_64",
            // No KVM: it may exist as a device node and still not work, and the tests must mean the
            // same everywhere. One thread for both CPUs: with three guests at once two are no
            // faster, and do not always see at once what the other wrote into code.
            "-accel",
            "tcg,thread=single",
            "-machine",
            "q35",
            "-cpu",
            "max",
            "-smp",
            "2",
            "-m",
            MEMORY,
            "-nodefaults",
            "-display",
            "none",
            "-no-reboot",
            "-serial",
            "file:" + serial,
            "-drive",
            "if=none,id=results,format=raw,file=" + disk,
            "-device",
            "virtio-blk-pci,drive=results",
            "-drive",
            "if=none,id=scratch,format=raw,file=" + scratch,
            "-device",
            "virtio-blk-pci,drive=scratch",
            // A card with a driver of its own, and nothing behind it.
            "-netdev",
            "user,id=nothing,restrict=on",
            "-device",
            "e1000,netdev=nothing",
            "-kernel",
            kernel.image().toString(),
            "-initrd",
            initramfs.toString(),
            "-append",
            COMMAND_LINE);
    long began = System.nanoTime();
    try {
      Process qemu =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(said.toFile())
              .start();
      boolean ended;
      try {
        ended = qemu.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS);
      } finally {
        qemu.destroyForcibly();
      }
      Duration took = Duration.ofNanos(System.nanoTime() - began);
      String console = Files.exists(serial) ? Files.readString(serial, ISO_8859_1) : "";
      if (!ended || !console.contains("BIANQUE GUEST DONE")) {
        String message =
            (ended
                    ? "the guest ended without its results"
                    : "the guest did not end within " + limit)
                + ":\n"
                + Files.readString(said)
                + console;
        throw console.contains(STRAY_BREAKPOINT)
            ? new EmulatorFault(message)
            : new IllegalStateException(message);
      }
      Tool.run(
          Duration.ofMinutes(1),
          folder,
          List.of("tar", "-xf", disk.toString(), "-C", results.toString()));
      return new Guest(results, console, took);
    } catch (IOException e) {
      throw new UncheckedIOException("QEMU cannot be run", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while the guest ran", e);
    }
  }

  private static Path image(Path file, long bytes) {
    try (RandomAccessFile image = new RandomAccessFile(file.toFile(), "rw")) {
      // An earlier boot's is emptied.
      image.setLength(0);
      image.setLength(bytes);
      return file;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
