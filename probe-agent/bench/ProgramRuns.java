import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What the kernel counts of a program's runs while kernel.bpf_stats_enabled is 1, cumulative.
 *
 * @param tag of its instructions: the same for the same object on the same kernel
 */
record ProgramRuns(String tag, long count, long nanos) {

  /** Of the programs that a process holds open, by id: as /proc/PID/fdinfo says, since 5.2. */
  static Map<Long, ProgramRuns> of(Process process) throws IOException {
    Map<Long, ProgramRuns> runs = new TreeMap<>();
    try (Stream<Path> files = Files.list(Path.of("/proc/" + process.pid() + "/fdinfo"))) {
      files.forEach(file -> {
        Map<String, String> fields = fields(file);
        // A link's file has the id too, but no runs.
        if (fields.containsKey("run_cnt")) {
          runs.put(
              Long.parseLong(fields.get("prog_id")),
              new ProgramRuns(
                  fields.get("prog_tag"),
                  Long.parseLong(fields.get("run_cnt")),
                  Long.parseLong(fields.get("run_time_ns"))));
        }
      });
    }
    return runs;
  }

  private static Map<String, String> fields(Path file) {
    try (Stream<String> lines = Files.lines(file)) {
      return lines
          .map(line -> line.split(":\\s*", 2))
          .filter(field -> field.length == 2)
          .collect(Collectors.toMap(field -> field[0], field -> field[1], (first, second) -> first));
    } catch (NoSuchFileException closed) {
      return Map.of();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (UncheckedIOException closed) {
      return Map.of();
    }
  }

  ProgramRuns since(ProgramRuns before) {
    return new ProgramRuns(tag, count - before.count, nanos - before.nanos);
  }
}
