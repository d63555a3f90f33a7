package io.bianque.agent.testing;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/**
 * A file system of its own that is frozen, and tasks that want to write to it: they hang. The
 * kernel calls them hung after two seconds. All of it is undone by the script itself, also when the
 * test is killed: then its standard input ends.
 */
public final class FrozenDisk implements AutoCloseable {
  private static final String SCRIPT =
      """
      set -eu
      cd "$1"
      sysctls="hung_task_timeout_secs hung_task_warnings"
      for name in $sysctls; do eval "$name=$(cat /proc/sys/kernel/$name)"; done
      truncate -s 16M image
      mkfs.ext4 -q image
      mkdir disk
      mount -o loop image disk
      touch disk/shared
      exec 3>>disk/shared
      undo() {
        fsfreeze -u disk || true
        for name in $sysctls; do echo "${!name}" > /proc/sys/kernel/$name; done
        wait
        exec 3>&-
        umount disk
      }
      trap undo EXIT
      fsfreeze -f disk
      # The kernel need not tell of it on the console.
      echo 0 > /proc/sys/kernel/hung_task_warnings
      echo 2 > /proc/sys/kernel/hung_task_timeout_secs
      dd if=/dev/zero of=disk/new bs=1 count=1 status=none &
      echo "dd $!"
      # The first of them holds the file's position while it hangs, and the other one wants it.
      echo one >&3 &
      echo "first $!"
      until [ "$(cut -d' ' -f3 /proc/$!/stat)" = D ]; do :; done
      echo two >&3 &
      echo "second $!"
      echo "ready 0"
      cat > /dev/null
      """;

  private final Process script;
  private final Map<String, Integer> tasks = new TreeMap<>();

  private FrozenDisk(Process script) {
    this.script = script;
  }

  /** Makes it in an empty folder. */
  public static FrozenDisk in(Path folder) {
    try {
      FrozenDisk disk =
          new FrozenDisk(
              new ProcessBuilder("bash", "-c", SCRIPT, "frozen", folder.toString())
                  .redirectError(ProcessBuilder.Redirect.INHERIT)
                  .start());
      disk.awaitTasks();
      return disk;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void awaitTasks() throws IOException {
    BufferedReader lines = script.inputReader(StandardCharsets.UTF_8);
    while (!tasks.containsKey("ready")) {
      String line = lines.readLine();
      if (line == null) {
        throw new IOException("the frozen disk could not be made");
      }
      String[] words = line.split(" ", 2);
      tasks.put(words[0], Integer.parseInt(words[1]));
    }
  }

  /** Writes to a new file, and waits for the disk. */
  public int writer() {
    return tasks.get("dd");
  }

  /** Writes to a file that it shares with {@link #waitsForHolder()}, and waits for the disk. */
  public int holder() {
    return tasks.get("first");
  }

  /** Waits for a mutex that {@link #holder()} has. */
  public int waitsForHolder() {
    return tasks.get("second");
  }

  @Override
  public void close() {
    try {
      script.getOutputStream().close();
      if (script.waitFor() != 0) {
        throw new IllegalStateException("the frozen disk was not taken away");
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
