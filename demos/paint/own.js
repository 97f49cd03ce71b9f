// A picture of the visitor's own, from which the second brush takes the region.
gan.owns.paint = tab => {
  const words = ({own = "", found = "", paste = ""}) => [own, found, paste];
  const token = recipe => (words(recipe).find(word => word.startsWith("own-")) || "").slice(4, 36);
  return {
    token, taken: own => {
      const word = `own-${own.token}`, {found, paste} = tab.now.recipe;
      const old = one => one.startsWith("own-") && !one.startsWith(word);    // the picture before, or its square
      if (old(found) || old(paste)) tab.look({found: old(found) ? word : found, paste: old(paste) ? "" : paste});
      tab.change({task: "own", own: word});
    },
  };
};
