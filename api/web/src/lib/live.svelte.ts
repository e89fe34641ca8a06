/** The newest final block, as the service tells it (server-sent events; the browser connects again by itself). */
class Live {
  block = $state<number | null>(null);

  private source: EventSource | null = null;
  private watching = 0;

  /** Listens for as long as somebody watches; give what it returns to an effect. */
  watch(): () => void {
    this.watching += 1;
    if (this.source === null) {
      this.source = new EventSource("v1/events");
      this.source.addEventListener("block", ({ data }: MessageEvent<string>) => {
        this.block = (JSON.parse(data) as { block_number: number }).block_number;
      });
    }
    return () => {
      this.watching -= 1;
      if (this.watching > 0) return;
      this.source?.close();
      this.source = null;
    };
  }
}

export const live = new Live();
