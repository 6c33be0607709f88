/** Meridians and parallels. */

import Graticule from "ol/layer/Graticule";
import { Stroke } from "ol/style";

import { graticuleLabel } from "./styles";

export function graticuleLayer(labelled: boolean): Graticule {
  return new Graticule({
    strokeStyle: new Stroke({ color: "rgba(66, 86, 105, .22)", width: 1 }),
    showLabels: labelled,
    lonLabelPosition: 0.012,
    latLabelPosition: 0.995,
    lonLabelStyle: graticuleLabel("bottom", "center"),
    latLabelStyle: graticuleLabel("middle", "end"),
    wrapX: false,
    targetSize: 160,
  });
}
