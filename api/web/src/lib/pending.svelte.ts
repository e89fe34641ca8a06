/** How many questions to the service are open. */
export const pending = $state({ count: 0 });
