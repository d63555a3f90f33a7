import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The consumer in C of the agent's objects: see consumer.c. */
final class Consumer implements Subject {
  private final Process process;
  private final BufferedReader answers;
  private final OutputStream questions;
  private final Map<Long, String> programs = new TreeMap<>();

  /**
   * Starts it and waits until its programs are attached.
   *
   * @param executable of consumer.c
   * @param objects the folder of the probes' objects
   */
  Consumer(Path executable, Path objects) throws IOException {
    this.process =
        new ProcessBuilder(executable.toString(), objects.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    this.answers = process.inputReader(StandardCharsets.UTF_8);
    this.questions = process.getOutputStream();
    for (String line = read(); !line.equals("ready"); line = read()) {
      String[] words = line.split(" ", -1);
      programs.put(Long.parseLong(words[1]), words[2] + " " + words[3]);
    }
  }

  /** Probe and function of each program, by id. */
  Map<Long, String> programs() {
    return Map.copyOf(programs);
  }

  /** The kernel's names, by id, of anybody's programs; of a name longer than 15 letters the beginning. */
  static Map<Long, String> names(Path executable, Iterable<Long> ids) throws IOException {
    List<String> line = new ArrayList<>(List.of(executable.toString(), "--names"));
    ids.forEach(id -> line.add(Long.toString(id)));
    Process asked = new ProcessBuilder(line).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    Map<Long, String> names = new TreeMap<>();
    for (String each : asked.inputReader(StandardCharsets.UTF_8).readAllLines()) {
      String[] words = each.split(" ", 2);
      names.put(Long.parseLong(words[0]), words[1]);
    }
    return names;
  }

  @Override
  public String name() {
    return "C libbpf";
  }

  @Override
  public Process process() {
    return process;
  }

  @Override
  public Events events() throws IOException {
    questions.write('\n');
    questions.flush();
    String[] counts = read().split(" ", -1);
    return new Events(
        Long.parseLong(counts[0]), Long.parseLong(counts[1]), Long.parseLong(counts[2]), Long.parseLong(counts[3]));
  }

  private String read() throws IOException {
    String line = answers.readLine();
    if (line == null) {
      throw new IOException("the consumer in C has ended");
    }
    return line;
  }

  @Override
  public void close() throws InterruptedException {
    AgentUnderBench.stop(process);
  }
}
