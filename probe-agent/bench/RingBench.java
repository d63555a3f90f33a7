import io.bianque.agent.libbpf.KernelMap;
import io.bianque.agent.libbpf.RingBuffer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Empties one ring in turns with libbpf's consumer in C, under the flags that the agent really runs with. Arguments: the C
 * program, its object, where it pins the ring, rounds (20).
 */
final class RingBench {
  /** As the agent's drain thread takes them. */
  private static final int TURN = 64;

  private static final double LIMIT = 0.5;

  private long sum;

  public static void main(String[] arguments) throws Exception {
    int rounds = arguments.length > 3 ? Integer.parseInt(arguments[3]) : 20;
    Path pin = Path.of(arguments[2]);
    Process peer =
        new ProcessBuilder(List.of(arguments[0], arguments[1], pin.toString()))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try (BufferedReader answers = peer.inputReader(StandardCharsets.UTF_8);
        OutputStream commands = peer.getOutputStream()) {
      ask(commands, answers, 'f');
      RingBench bench = new RingBench();
      double[] ours = new double[rounds];
      double[] theirs = new double[rounds];
      int records = 0;
      for (int round = 0; round < rounds; round++) {
        // Mapped anew each time: a consumer keeps its position to itself.
        try (KernelMap map = KernelMap.open(pin)) {
          RingBuffer ring = RingBuffer.open(map);
          long begin = System.nanoTime();
          records = bench.drain(ring);
          ours[round] = (System.nanoTime() - begin) / (double) records;
          ring.close();
        }
        ask(commands, answers, 'f');
        String[] said = ask(commands, answers, 'c').split(" ", -1);
        theirs[round] = Double.parseDouble(said[1]) / Integer.parseInt(said[0]);
        ask(commands, answers, 'f');
      }
      double our = median(ours);
      double their = median(theirs);
      System.out.printf(
          "%,d records of 304 bytes a round, %d rounds (sum %d)%n", records, rounds, bench.sum);
      System.out.printf("libbpf, in C      %6.1f ns a record%n", their);
      System.out.printf("the agent's ring  %6.1f ns a record%n", our);
      System.out.printf(
          Locale.ROOT,
          "{\"bench\":\"ring\",\"ratio\":%.3f,\"limit\":%.1f,\"ns_per_record\":%.1f,\"libbpf_ns_per_record\":%.1f}%n",
          their / our,
          LIMIT,
          our,
          their);
    } finally {
      peer.destroy();
    }
  }

  private int drain(RingBuffer ring) {
    int all = 0;
    int turn;
    do {
      turn =
          ring.drain(
              TURN, (data, offset, length) -> sum += data.getLong(offset) + length);
      ring.release(ring.position());
      all += turn;
    } while (turn == TURN);
    return all;
  }

  private static String ask(OutputStream commands, BufferedReader answers, char command)
      throws IOException {
    commands.write(command);
    commands.flush();
    String answer = answers.readLine();
    if (answer == null) {
      throw new IOException("the C program has ended");
    }
    return answer;
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
