package io.bianque.agent.libbpf;

/** Which libbpf this process has. */
public final class LibbpfVersion {
  private LibbpfVersion() {}

  /**
   * As it says it itself: {@code v1.1}.
   *
   * @throws LibbpfMissing when there is none, or one that is too old
   */
  public static String text() {
    try {
      return NativeCall.string(Libbpf.libbpf_version_string());
    } catch (ExceptionInInitializerError e) {
      if (e.getCause() instanceof LibbpfMissing missing) {
        throw missing;
      }
      throw e;
    }
  }
}
