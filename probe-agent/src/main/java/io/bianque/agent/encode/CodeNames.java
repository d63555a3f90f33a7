package io.bianque.agent.encode;

/**
 * Names of code that lies in no file, because the process itself has made it: what a JVM or node
 * compiles. For the thread that encodes: nothing of it blocks or throws.
 */
@FunctionalInterface
public interface CodeNames {
  /** Of a name in UTF-8. */
  int MOST_BYTES = 256;

  /** Nothing has a name. */
  CodeNames NONE = _ -> (_, _, _) -> 0;

  /** Such code of one process, as it is known at the moment. */
  Code of(int process);

  /** Code of one process. */
  @FunctionalInterface
  interface Code {
    /**
     * Copies the name of the code at an address, in UTF-8 and at most {@link #MOST_BYTES} long.
     *
     * @return its bytes; 0: it has none
     */
    int copyName(long address, byte[] out, int outAt);
  }
}
