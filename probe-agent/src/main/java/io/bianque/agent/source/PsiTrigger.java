package io.bianque.agent.source;

/** Record of {@code psi_trigger}; its schema says what the fields are. */
public record PsiTrigger(
    Psi.Resource resource, Share share, long thresholdNs, long windowNs, long totalNs) {

  /** Of the tasks that are not idle. */
  public enum Share {
    SOME,
    FULL
  }
}
